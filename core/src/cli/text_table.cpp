#include "cli/text_table.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

using schema::Kind;

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// Commas, semicolons and tabs stand between cells, of which each may be empty; blanks may be many.
std::vector<std::string_view> cells_of(std::string_view line) {
  const std::size_t found = line.find_first_of(",;\t");
  std::vector<std::string_view> cells;
  if (found != std::string_view::npos) {
    for (std::size_t begin = 0; begin <= line.size();) {
      const std::size_t end = std::min(line.find(line[found], begin), line.size());
      cells.push_back(trimmed(line.substr(begin, end - begin)));
      begin = end + 1;
    }
    return cells;
  }
  for (std::size_t begin = 0; begin < line.size();) {
    const std::size_t end = std::min(line.find_first_of(kBlanks, begin), line.size());
    cells.push_back(line.substr(begin, end - begin));
    begin = std::min(line.find_first_not_of(kBlanks, end), line.size());
  }
  return cells;
}

/// Appends a line as an element of the vector.
std::string encode_line(const schema::Type& element, const std::vector<std::string_view>& cells, base::Bytes& out) {
  const auto columns = [](std::uint64_t n) { return std::to_string(n) + (n == 1 ? " column" : " columns"); };
  const bool one = schema::is_scalar(element), any_number = element.kind == Kind::kVector;
  const std::uint64_t wanted = one                            ? 1
                               : any_number                   ? cells.size()
                               : element.kind == Kind::kArray ? element.count
                                                              : element.items.size();
  if (cells.size() != wanted) {
    return "there are " + columns(cells.size()) + ", and " + schema::cpp_name(element) + " takes " + columns(wanted);
  }
  if (any_number) base::append_value<std::uint64_t>(out, cells.size());
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const schema::Type& type = one ? element : element.items.size() == 1 ? element.items[0] : element.items[c];
    const std::string why = schema::encode_text(type, cells[c], out);
    if (!why.empty()) return why;
  }
  return "";
}

bool is_number(std::string_view cell) {
  schema::Type type;
  type.kind = Kind::kFloating;
  type.width = 8;
  base::Bytes ignored;
  return schema::encode_text(type, cell, ignored).empty();
}

}  // namespace

bool is_table(const schema::Type& type) {
  if (type.kind != Kind::kVector) return false;
  const schema::Type& element = type.items[0];
  if (schema::is_scalar(element)) return element.kind != Kind::kChar && element.kind != Kind::kString;
  return (element.kind == Kind::kVector || element.kind == Kind::kArray || element.kind == Kind::kTuple ||
          element.kind == Kind::kRecord) &&
         std::all_of(element.items.begin(), element.items.end(), schema::is_scalar);
}

bool is_json_list(std::string_view text) { return trimmed(text).starts_with('['); }

std::string encode_table(const schema::Type& type, const std::string& path, std::string_view text, base::Bytes& out) {
  const schema::Type& element = type.items[0];
  const std::size_t start = out.size();
  std::uint64_t rows = 0, number = 0;
  std::size_t width = 0;
  bool first = true;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  base::append_value(out, rows);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const auto cells = cells_of(line);
    if (std::exchange(first, false) && std::none_of(cells.begin(), cells.end(), is_number)) continue;
    std::string why;
    if (rows > 0 && cells.size() != width) {
      why = "the lines before have " + std::to_string(width) + " cells, this one " + std::to_string(cells.size());
    } else {
      why = encode_line(element, cells, out);
    }
    if (!why.empty()) return path + " line " + std::to_string(number) + ": " + why;
    width = cells.size();
    ++rows;
  }
  if (rows == 0) return "'" + path + "' holds no numbers";
  std::memcpy(out.data() + start, &rows, sizeof rows);
  return "";
}

std::string table_hint(const schema::Type& type) {
  const bool one = schema::is_scalar(type.items[0]);
  return "FILE holds " + schema::cpp_name(type) + (one ? " as one number a line" : " as lines of numbers like 1.5,2") +
         " (a header line may come first), as JSON like " + (one ? "[1.5, 2]" : "[[1.5, 2], [2.5, 3]]") +
         ", or as an array in a .npy file";
}

}  // namespace jobhost::cli
