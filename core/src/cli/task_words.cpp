#include "cli/task_words.hpp"

#include "cli/one_line.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {

std::string TaskWords::inputs_of(std::uint64_t task) {
  inputs_.read_shown(task, 1, columns_);
  std::string text;
  for (std::size_t p = 0; p < columns_.size(); ++p) {
    text += (text.empty() ? "" : " ") + kernel_.parameters[p].name + "=";
    schema::append_brief(kernel_.parameters[p].type, bundle::value_at(columns_[p], 0), text);
  }
  return one_line(text);
}

std::string TaskWords::inputs_json(std::uint64_t task) {
  inputs_.read_shown(task, 1, columns_);
  std::string text = "{";
  for (std::size_t p = 0; p < columns_.size(); ++p) {
    if (p > 0) text += ", ";
    schema::append_json_string(kernel_.parameters[p].name, text);
    text += ": ";
    base::ByteReader reader(bundle::value_at(columns_[p], 0));
    schema::append_json(kernel_.parameters[p].type, reader, text);
  }
  return text + "}";
}

}  // namespace jobhost::cli
