#pragma once

#include <string>
#include <vector>

#include "token.hpp"

namespace jobhost::scan {

struct Parameter {
  std::string name;  // "arg1" when the source gives none
  std::string type;  // as written
};

/// A function at namespace scope that can be named from outside it.
struct Function {
  std::vector<std::string> namespaces;  // "" for an unnamed one, "inline x" never: inline ones count by name
  std::string name;
  std::vector<Parameter> parameters;
  std::string signature;  // "double f(int x)", storage words and attributes left out
  std::string doc;
  int line = 0;
  std::size_t defaults = 0;  // how many parameters at the end may be left out
  bool is_static = false;
};

/// "ns::f"; unnamed namespaces leave no trace.
std::string qualified_name(const Function& function);

/// Finds the functions among the tokens of a file. Conservative: what is not surely an ordinary function (templates,
/// members, operators, consteval, main, definitions of qualified names, functions made of function pointers) is left
/// out, because everything found is named by the generated code and must compile.
/// `declarations`: those that are only declared are found too, as in a header.
std::vector<Function> find_functions(const std::vector<Token>& tokens, bool declarations = false);

}  // namespace jobhost::scan
