#include "host/initialiser.hpp"

#include <algorithm>
#include <sstream>

#include "base/error.hpp"
#include "base/suggest.hpp"
#include "plugin/inspect.hpp"
#include "schema/value.hpp"

namespace jobhost::host {
namespace {

constexpr std::uint64_t kMostResult = 64 << 10;  // bytes; nobody reads it

base::Error wrong(const schema::Kernel& function, const std::string& why) {
  return {base::ExitCode::kUsage, "--init " + function.name + ": " + why, function.signature};
}

struct Argument {
  std::string name, value;
};

std::vector<Argument> arguments_of(const schema::Kernel& function, std::istringstream& words) {
  std::vector<Argument> arguments;
  std::vector<std::string> names;
  for (const auto& parameter : function.parameters) names.push_back(parameter.name);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) throw wrong(function, "'" + word + "' is not NAME=VALUE");
    const std::string name = word.substr(0, equals);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const auto near = base::nearest(name, names);
      throw wrong(function, "there is no parameter '" + name + "'" + (near ? "; did you mean '" + *near + "'?" : ""));
    }
    arguments.push_back({name, word.substr(equals + 1)});
  }
  return arguments;
}

}  // namespace

bundle::Initialiser initialiser_of(const schema::Description& plugin, const std::string& text,
                                   const std::string& named) {
  std::istringstream words(text);
  std::string name;
  if (!(words >> name)) return {};
  schema::Kernel function = plugin::find_kernel(plugin, name, named);
  const auto arguments = arguments_of(function, words);
  if (arguments.size() < function.parameters.size() &&
      std::find(function.fewer.begin(), function.fewer.end(), arguments.size()) != function.fewer.end()) {
    function = schema::with_fewer(function, arguments.size());
  }
  if (schema::fixed_size(function.result).value_or(0) > kMostResult) {
    throw wrong(function, "its result is too large for a function that is called for its effects");
  }
  bundle::Initialiser init{function.name, function.symbol, {}, {}};
  for (const auto& parameter : function.parameters) {
    const auto given = std::find_if(arguments.begin(), arguments.end(),
                                    [&](const Argument& argument) { return argument.name == parameter.name; });
    if (given == arguments.end()) throw wrong(function, "no value for parameter '" + parameter.name + "'");
    const std::string why = schema::encode_text(parameter.type, given->value, init.arguments);
    if (!why.empty()) throw wrong(function, "parameter '" + parameter.name + "': " + why);
    init.ends.push_back(init.arguments.size());
  }
  return init;
}

}  // namespace jobhost::host
