#include "schema/difference.hpp"

#include <algorithm>

namespace jobhost::schema {
namespace {

struct Difference {
  std::string field;  // "a.y", "" for the whole
  std::string what;   // "was double and is float now"
};

std::string quoted(const std::string& name) { return "'" + name + "'"; }

/// The types are not equal.
Difference difference(const Type& was, const Type& is) {
  const std::string before = cpp_name(was), now = cpp_name(is);
  const Difference whole{"",
                         before == now ? "is another " + now + " now" : "was " + before + " and is " + now + " now"};
  if (was.kind != is.kind || was.items.empty() || is.items.empty()) return whole;
  if (was.kind == Kind::kRecord) {
    const std::size_t both = std::min(was.items.size(), is.items.size());
    if (was.name != is.name) return whole;
    for (std::size_t i = 0; i < both; ++i) {
      if (was.fields[i] != is.fields[i]) {
        return {was.fields[i], "stood where field " + quoted(is.fields[i]) + " is now"};
      }
      if (was.items[i] == is.items[i]) continue;
      Difference inner = difference(was.items[i], is.items[i]);
      inner.field = was.fields[i] + (inner.field.empty() ? "" : "." + inner.field);
      return inner;
    }
    if (was.items.size() > both) return {was.fields[both], "is gone"};
    if (is.items.size() > both) return {is.fields[both], "is new"};
    return whole;
  }
  // Inside containers only a field is worth descending to: "was std::vector<int> and is std::vector<long> now" says it.
  for (std::size_t i = 0; i < std::min(was.items.size(), is.items.size()); ++i) {
    if (was.items[i] == is.items[i]) continue;
    const Difference inner = difference(was.items[i], is.items[i]);
    return inner.field.empty() ? whole : inner;
  }
  return whole;
}

}  // namespace

std::string parameter_difference(const Kernel& was, const Kernel& is) {
  const std::size_t both = std::min(was.parameters.size(), is.parameters.size());
  for (std::size_t i = 0; i < both; ++i) {
    const Parameter &before = was.parameters[i], &now = is.parameters[i];
    if (before.type == now.type) continue;
    const Difference found = difference(before.type, now.type);
    if (found.field.empty()) return "parameter " + quoted(before.name) + " " + found.what;
    return "field " + quoted(found.field) + " of parameter " + quoted(before.name) + " (" + cpp_name(before.type) +
           ") " + found.what;
  }
  const auto named = [](const Parameter& parameter) {
    return "parameter " + quoted(parameter.name) + " (" + cpp_name(parameter.type) + ")";
  };
  if (was.parameters.size() > both) return named(was.parameters[both]) + " is gone";
  if (is.parameters.size() > both) return named(is.parameters[both]) + " is new";
  return "";
}

}  // namespace jobhost::schema
