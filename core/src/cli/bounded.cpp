#include "cli/bounded.hpp"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>

namespace jobhost::cli {

void require_within(CLI::Option& option, double low, double high) {
  option.check(CLI::Range(low, high));
  option.check([](const std::string& word) {
    return std::isnan(std::strtod(word.c_str(), nullptr)) ? "'" + word + "' is no number" : std::string();
  });
}

}  // namespace jobhost::cli
