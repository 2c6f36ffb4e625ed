#include "base/json_checks.hpp"

#include <vector>

namespace jobhost::base {

std::string json_excess(std::string_view text, std::size_t members) {
  struct Container {
    bool object;
    std::size_t commas = 0;
  };
  std::vector<Container> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        for (++i; i < text.size() && text[i] != '"'; ++i) {
          if (text[i] == '\\') ++i;
        }
        break;
      case '{':
      case '[':
        if (open.size() == kJsonDepth) return "it nests deeper than " + std::to_string(kJsonDepth) + " levels";
        open.push_back({text[i] == '{'});
        break;
      case '}':
      case ']':
        if (!open.empty()) open.pop_back();
        break;
      case ',':
        if (!open.empty() && open.back().object && ++open.back().commas >= members) {
          return "an object in it has more than " + std::to_string(members) + " members";
        }
        break;
      default:
        break;
    }
  }
  return {};
}

}  // namespace jobhost::base
