#include "cli/one_of.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/suggest.hpp"

namespace jobhost::cli {
namespace {

/// "a, b or c"
std::string alternatives(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  }
  return text;
}

}  // namespace

CLI::Validator one_of(const std::vector<std::string>& words) {
  const auto refuse = [words](const std::string& word) -> std::string {
    if (std::find(words.begin(), words.end(), word) != words.end()) return "";
    const auto near = base::nearest(word, words);
    return "write " + alternatives(words) + ", not '" + word + "'" + (near ? "\ndid you mean '" + *near + "'?" : "");
  };
  return CLI::Validator(refuse, CLI::IsMember(words).get_description());
}

}  // namespace jobhost::cli
