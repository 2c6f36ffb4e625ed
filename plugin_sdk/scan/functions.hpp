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

/// A variable at namespace scope that may be assigned to.
struct Variable {
  std::vector<std::string> namespaces;  // as for functions
  std::string name;
  std::string type;  // as written, storage words left out; of `int a, *b` it is "int" for both
  int line = 0;
  bool is_static = false;
  bool declared = false;  // its value belongs to the calling context
};

struct Findings {
  std::vector<Function> functions;
  std::vector<Variable> variables;
};

/// "ns::f"; unnamed namespaces leave no trace.
template <class Named>
std::string qualified_name(const Named& entity) {
  std::string name;
  for (const auto& part : entity.namespaces) {
    if (!part.empty()) name += part + "::";
  }
  return name + entity.name;
}

/// Finds the functions and variables among the tokens of a file. Conservative: what is not surely an ordinary function
/// (templates, members, operators, consteval, main, definitions of qualified names, functions made of function
/// pointers) is left out, because everything found is named by the generated code and must compile. Variables that are
/// const, thread-local, references or only declared are left out. `declarations`: those that are only declared are
/// found too, as in a header.
Findings find_entities(const std::vector<Token>& tokens, bool declarations = false);

}  // namespace jobhost::scan
