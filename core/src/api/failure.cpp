#include "api/failure.hpp"

#include "bundle/input_reader.hpp"
#include "schema/value.hpp"

namespace jobhost::api {
namespace {

/// The arguments as JSON, without the runtime's own columns.
std::string text_of(const schema::Kernel& kernel, const std::vector<jobhost_column>& columns) {
  constexpr std::size_t kLongest = 200;    // characters of an argument
  constexpr std::size_t kLarge = 1 << 16;  // bytes; what is larger is not even looked at
  std::string text;
  for (std::size_t p = kernel.own; p < std::min(columns.size(), kernel.parameters.size()); ++p) {
    const auto value = bundle::value_at(columns[p], 0);
    std::string argument = std::to_string(value.size()) + " bytes";
    if (value.size() <= kLarge && schema::encoded_size(kernel.parameters[p].type, value) == value.size()) {
      argument.clear();
      base::ByteReader reader(value);
      schema::append_json(kernel.parameters[p].type, reader, argument);
    }
    if (argument.size() > kLongest) argument = argument.substr(0, kLongest) + "...";
    text += (text.empty() ? "" : ", ") + argument;
  }
  return text;
}

}  // namespace

detail::Failure told(host::Explainer& explainer, std::uint64_t task, const store::Failure& failure,
                     const std::vector<std::string>* modules, const schema::Kernel& kernel,
                     const std::vector<jobhost_column>& columns) {
  const auto words = explainer.explain(failure, modules);
  detail::Failure told{task, words.kind, words.type, words.what, words.where, text_of(kernel, columns),
                       {},   {},         {},         words.stack};
  if (!failure.thrown.empty()) {
    told.mangled = failure.thrown[0].type;
    told.object = failure.thrown[0].object;
  }
  for (const auto& cause : words.causes) told.causes.push_back({cause.type, cause.what});
  return told;
}

}  // namespace jobhost::api
