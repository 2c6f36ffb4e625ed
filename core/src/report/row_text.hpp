#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bundle/input_reader.hpp"
#include "report/rows.hpp"
#include "schema/value.hpp"

/// What the row writers have in common.
namespace jobhost::report {

/// Collects text and hands it on in blocks.
class Buffer {
 public:
  explicit Buffer(TextSink sink) : sink_(std::move(sink)) {}
  std::string& text() { return text_; }
  void pass_on_when_full() {
    if (text_.size() >= kBlock) pass_on();
  }
  void pass_on() {
    if (!text_.empty()) sink_(text_);
    text_.clear();
  }

 private:
  static constexpr std::size_t kBlock = 128 << 10;
  TextSink sink_;
  std::string text_;
};

/// Column name of a parameter; "task", "result" and "error" are taken, so parameters of these names get "arg.".
std::string column_name(const std::string& parameter);

/// Names of the cells that a result takes in flat formats: "result", or "result.x", "result.y.z" for structs.
std::vector<std::string> result_columns(const schema::Type& type);

/// Calls `cell(type, reader)` for each of those, in order.
template <class Cell>
void for_each_cell(const schema::Type& type, base::ByteReader& reader, const Cell& cell) {
  if (type.kind != schema::Kind::kRecord) return cell(type, reader);
  for (const auto& item : type.items) for_each_cell(item, reader, cell);
}

/// "exception std::domain_error: message (f at pi.cpp:12)"
std::string in_one_line(const Failure& failure);

}  // namespace jobhost::report
