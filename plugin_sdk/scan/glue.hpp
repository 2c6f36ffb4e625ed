#pragma once

#include <string>
#include <vector>

#include "functions.hpp"

namespace jobhost::scan {

/// One kernel of the generated file.
struct Entry {
  std::string name;        // as users type it: "f", "ns::g(double)"
  Function function;       // what is known of it; without parameters when the scanner did not find it
  std::string expression;  // C++ that yields the function's address, valid inside its namespaces
  bool found = false;      // in the source
  bool asked_for = false;  // by name: it must be able to travel
};

/// All functions of the file, overloaded ones under their name with parameter types.
std::vector<Entry> every_function(const std::vector<Function>& functions);

/// What a KERNELS list asks for: "f", "ns::g(double)", "h<int>". A name that occurs nowhere in the source, or fits
/// several overloads, is put into `error` as one sentence.
std::vector<Entry> asked_functions(const std::vector<Function>& functions, const std::vector<Token>& tokens,
                                   const std::vector<std::string>& kernels, std::string& error);

/// The text of the generated file, which includes the user's source and holds entries, schema and notes.
std::string glue_text(const std::string& source, const std::vector<Entry>& entries);

}  // namespace jobhost::scan
