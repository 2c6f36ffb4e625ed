#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/inputs.hpp"
#include "schema/type.hpp"

namespace jobhost::cli {

/// The input words of `jobhost run`, already separated from its options.
struct InputArguments {
  std::vector<std::string> assignments;              // "seed=1..1000", "text:=a,b", in order
  std::vector<std::vector<std::string>> positional;  // each ":::" list
  bool zip = false;                                  // pair the NAME=SPEC lists element by element
  std::string csv, jsonl;                            // file or "-", "" when not given (at most one of them)
};

/// Turns the words into a recipe that fits `kernel`. Values read from files and lists too long for a recipe go through
/// packs written into `job_directory` (already existing). Nothing of the plugin is executed. Throws Error(kUsage) that
/// names the parameter, or file, row (1-based line of the file) and column, the value and the type that was wanted.
/// Parameters at the end that have defaults may stay without a value: `kernel` is then the one with fewer parameters.
bundle::Inputs make_inputs(base::Env& env, const InputArguments& arguments, schema::Kernel& kernel,
                           const std::string& job_directory);

}  // namespace jobhost::cli
