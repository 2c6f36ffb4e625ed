#pragma once

#include "host/verification.hpp"

namespace jobhost::host {

/// The part of verify() that looks at each file by itself: names, kinds, and all that is small. Code, inputs and logs
/// are left to the others.
void verify_files(base::Env& env, const Job& job, Verification& found);

}  // namespace jobhost::host
