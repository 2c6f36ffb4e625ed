#include "glue.hpp"
#include "nearest.hpp"

namespace jobhost::scan {

std::string declare_globals(std::vector<Unit>& units, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    Variable* found = nullptr;
    std::vector<std::string> known;
    for (auto& unit : units) {
      for (auto& variable : unit.variables) {
        known.push_back(qualified_name(variable));
        if (known.back() != name) continue;
        if (found) return "several sources have a global variable '" + name + "', which a name does not tell apart";
        found = &variable;
      }
    }
    if (!found) return "no global variable '" + name + "' that can be set" + suggestion(name, known);
    found->declared = true;
  }
  return "";
}

}  // namespace jobhost::scan
