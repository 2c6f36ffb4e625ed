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

}  // namespace jobhost::cli
