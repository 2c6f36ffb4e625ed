#include "report/number_rows.hpp"

#include <charconv>
#include <cstring>

namespace jobhost::report {
namespace {

char* put(char* at, const std::string& text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

std::optional<NumberRows> NumberRows::of(const schema::Kernel& kernel, bool json, Frame frame) {
  NumberRows rows(std::move(frame));
  rows.longest_ = rows.frame_.begin.size() + schema::kLongestNumber + rows.frame_.end.size();
  for (std::size_t p = 0; p <= kernel.parameters.size(); ++p) {
    const auto& type = p < kernel.parameters.size() ? kernel.parameters[p].type : kernel.result;
    rows.texts_.push_back(schema::number_text(type, json));
    if (!rows.texts_.back()) return std::nullopt;
    rows.longest_ += rows.frame_.before.at(p).size() + schema::kLongestNumber;
  }
  return rows;
}

void NumberRows::append(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
                        const jobhost_column& results, std::string& out) const {
  const std::size_t begin = out.size();
  out.resize(begin + n * longest_);
  char* at = out.data() + begin;
  for (std::uint64_t i = 0; i < n; ++i) {
    at = put(at, frame_.begin);
    at = std::to_chars(at, at + schema::kLongestNumber, first + i).ptr;
    for (std::size_t p = 0; p < inputs.size(); ++p) {
      at = put(at, frame_.before[p]);
      at = texts_[p](at, inputs[p].data + i * inputs[p].stride);
    }
    at = put(at, frame_.before.back());
    at = texts_.back()(at, results.data + i * results.stride);
    at = put(at, frame_.end);
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

}  // namespace jobhost::report
