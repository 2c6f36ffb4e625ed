#include "report/number_rows.hpp"

#include <algorithm>
#include <cstring>

namespace jobhost::report {
namespace {

constexpr std::uint64_t kRows = 256;  // of a block, so that it stays in the cache

char* put_text(char* at, const std::string& text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

template <class T>
char* put_integer(IntegerText& text, char* at, const unsigned char* value) {
  T number;
  std::memcpy(&number, value, sizeof number);
  const bool negative = number < 0;
  const auto wide = static_cast<std::uint64_t>(number);
  return text.put(at, negative ? 0 - wide : wide, negative);
}

}  // namespace

NumberRows::Column::Column(const schema::Type& type, const std::string& text_before, bool json)
    : before(text_before),
      integer(text_before),
      width(type.kind == schema::Kind::kInteger || type.kind == schema::Kind::kEnumeration ? type.width : 0),
      is_signed(type.is_signed),
      other(schema::number_text(type, json)) {}

char* NumberRows::Column::put(char* at, const unsigned char* value) {
  switch (width) {
    case 0:
      return other(put_text(at, before), value);
    case 1:
      return is_signed ? put_integer<std::int8_t>(integer, at, value) : put_integer<std::uint8_t>(integer, at, value);
    case 2:
      return is_signed ? put_integer<std::int16_t>(integer, at, value) : put_integer<std::uint16_t>(integer, at, value);
    case 4:
      return is_signed ? put_integer<std::int32_t>(integer, at, value) : put_integer<std::uint32_t>(integer, at, value);
    default:
      return is_signed ? put_integer<std::int64_t>(integer, at, value) : put_integer<std::uint64_t>(integer, at, value);
  }
}

std::optional<NumberRows> NumberRows::of(const schema::Kernel& kernel, bool json, const Frame& frame) {
  NumberRows rows(frame);
  rows.longest_ = rows.tasks_.longest() + frame.end.size();
  for (std::size_t p = 0; p <= kernel.parameters.size(); ++p) {
    const auto& type = p < kernel.parameters.size() ? kernel.parameters[p].type : kernel.result;
    rows.columns_.emplace_back(type, frame.before.at(p), json);
    if (!rows.columns_.back().other) return std::nullopt;
    rows.longest_ += frame.before[p].size() + schema::kLongestNumber;
  }
  rows.block_ = std::make_unique_for_overwrite<char[]>(kRows * rows.longest_ + IntegerText::kSlack);
  return rows;
}

void NumberRows::append(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
                        const jobhost_column& results, Buffer& buffer) {
  std::vector<jobhost_column> values = inputs;
  values.push_back(results);
  for (std::uint64_t done = 0; done < n; done += kRows) {
    const std::uint64_t count = std::min(kRows, n - done);
    char* at = block_.get();
    for (std::uint64_t i = 0; i < count; ++i) {
      at = tasks_.put(at, first + done + i, false);
      for (std::size_t c = 0; c < values.size(); ++c) {
        at = columns_[c].put(at, values[c].data);
        values[c].data += values[c].stride;
      }
      at = put_text(at, end_);
    }
    buffer.text().append(block_.get(), at);
    buffer.pass_on_when_full();
  }
}

}  // namespace jobhost::report
