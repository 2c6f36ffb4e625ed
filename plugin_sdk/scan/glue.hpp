#pragma once

#include <string>
#include <vector>

#include "functions.hpp"
#include "repository.hpp"

namespace jobhost::scan {

/// One kernel of the generated file.
struct Entry {
  std::string name;        // as users type it: "f", "ns::g(double)"
  Function function;       // what is known of it; without parameters when the scanner did not find it
  std::string expression;  // C++ that yields the function's address, valid inside its namespaces
  bool found = false;      // in the source
  bool asked_for = false;  // by name: it must be able to travel
  bool overloaded = false;
};

enum class Language { kCpp, kC, kHeaders };

/// One source file of a plugin, and what is found in it.
struct Unit {
  std::string source, preprocessed, output;
  Language language = Language::kCpp;
  std::vector<Token> tokens;
  std::vector<Function> functions;
  std::vector<Variable> variables;
  std::vector<Entry> entries;
  Revision revision = {};  // of the source
};

/// Fills every unit's entries: with all its functions, or, when `kernels` is not empty, with what it asks for: "f",
/// "ns::g(double)", "h<int>". Returns "" or one sentence: a name that occurs nowhere, or fits several overloads.
std::string choose_entries(std::vector<Unit>& units, const std::vector<std::string>& kernels);

/// Marks the variables that are called so as declared. Returns "" or one sentence: a name that is no variable's, or
/// several units'.
std::string declare_globals(std::vector<Unit>& units, const std::vector<std::string>& names);

/// True when C++ that knows no more than <cstddef> and <cstdint> can declare the function.
bool declarable(const Function& function);

/// A linker's version script under which only the units' kernels and declared globals, which programs may use, and what
/// the generated files define can be seen from outside.
std::string exports_text(const std::vector<Unit>& units);

/// The text of a unit's generated file. It includes a C++ source, or declares the functions of a C one, and holds
/// entries, schema and notes. `number`: the unit's place in the plugin; `first`: number of its first entry.
std::string glue_text(const Unit& unit, std::size_t number, std::size_t first);

/// The text of a file for the module of a program, whose functions only the program itself knows: it holds a schema
/// without kernels, made with the flags of the module.
std::string origin_text(const Revision& revision);

}  // namespace jobhost::scan
