#include "cli/one_line.hpp"

#include "base/trust.hpp"

namespace jobhost::cli {

std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : base::printable(text)) {
    if (c == '\n') {
      line += "\\n";
    } else {
      line += c;
    }
  }
  return line;
}

std::string count_of(std::uint64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace jobhost::cli
