#pragma once

#include <string>

#include "base/env.hpp"

namespace jobhost::cli {

/// Unpacks a tar archive (POSIX.1-1988, "ustar") of regular files and directories into `folder`, which is empty and
/// private; files get mode 0600. Nothing in the archive is trusted: names are relative and without "..", no name occurs
/// twice, checksums match, and after the last member there is nothing but zeros. Throws Error(kDamaged), with what is
/// wrong in a clause; `folder` may then hold some of it.
void unpack_tar(base::Env& env, const std::string& archive, const std::string& folder);

}  // namespace jobhost::cli
