#pragma once

#include <string>

#include "host/submission.hpp"

namespace jobhost::host {

/// The path of a job's copy of code, for those who read symbols or debug information in it: its digest is compared
/// first. Throws Error(kDamaged) when it is another file than the one submitted.
std::string sound_code(base::Env& env, const store::JobDirectory& job, const bundle::Blob& blob);

/// Where the code of a module that a log or a note names can be read.
struct Code {
  std::string path;  // the job's copy of its own code, or a file of the system; "" where it is neither or is damaged
  bool own = false;  // the job's
};
Code code_named(base::Env& env, const Job& job, const std::string& module);

/// What the compiler says of the job's code; "" when it says nothing or the code is damaged.
std::string built_by(base::Env& env, const Job& job);

}  // namespace jobhost::host
