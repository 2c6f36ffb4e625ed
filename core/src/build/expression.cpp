#include <algorithm>
#include <cctype>
#include <set>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "build/plugin_builder.hpp"

namespace jobhost::build {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Identifiers that are neither called nor part of a name, nor C++'s own, in order of appearance.
std::vector<std::string> variables_in(const std::string& text) {
  static const std::set<std::string> kKnown = {"pi",   "true", "false",       "double",   "float", "int",
                                               "long", "bool", "static_cast", "unsigned", "auto",  "std",
                                               "and",  "or",   "not",         "INFINITY", "NAN"};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_word(text[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    const bool number = std::isdigit(static_cast<unsigned char>(text[i])) != 0;
    while (i < text.size() &&
           (is_word(text[i]) || (number && (text[i] == '.' || ((text[i] == '+' || text[i] == '-') &&
                                                               (text[i - 1] == 'e' || text[i - 1] == 'E')))))) {
      ++i;
    }
    const std::string word = text.substr(begin, i - begin);
    const std::size_t next = text.find_first_not_of(' ', i);
    const bool called = next != std::string::npos && (text[next] == '(' || text.compare(next, 2, "::") == 0);
    const bool part = begin > 0 && (text[begin - 1] == ':' || text[begin - 1] == '.');
    if (number || called || part || kKnown.contains(word)) continue;
    if (std::find(names.begin(), names.end(), word) == names.end()) names.push_back(word);
  }
  return names;
}

}  // namespace

std::string expression_source(base::Env& env, const Toolchain& toolchain, const std::string& expression) {
  const auto variables = variables_in(expression);
  if (variables.empty()) {
    throw base::Error(base::ExitCode::kUsage, "the expression '" + expression + "' has no variable",
                      "as in: jobhost run --expr 'sin(x)*exp(-x)' x=0..10..0.01");
  }
  if (expression.find('\n') != std::string::npos || expression.find(';') != std::string::npos) {
    throw base::Error(base::ExitCode::kUsage, "an expression is one line without ';'", "write more into a .cpp file");
  }
  std::string parameters;
  for (const auto& name : variables) parameters += (parameters.empty() ? "double " : ", double ") + name;
  const std::string text =
      "#include <algorithm>\n#include <cmath>\n#include <numbers>\n\nusing namespace std;\nusing std::numbers::pi;\n\n"
      "double expression(" +
      parameters + ") { return " + expression + "; }\n";
  const std::string folder = toolchain.cache + "/" + base::sha256_hex(base::as_bytes(text));
  const std::string path = folder + "/expression.cpp";
  if (!base::exists(env, path)) {
    base::make_directories(env, folder);
    base::write_file_atomically(env, path, base::as_bytes(text), false);
  }
  env.touch(folder);
  return path;
}

}  // namespace jobhost::build
