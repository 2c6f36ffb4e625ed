#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"

namespace jobhost::plugin {

/// The versions of symbols that a file needs of one library: GLIBC_2.34 and GLIBC_2.36 of libc.so.6.
struct NeededVersions {
  std::string soname;
  std::vector<std::string> versions;  // without those that may be missing (weak)
};

/// DT_VERNEED, in order. Throws Error(kPluginRefused).
std::vector<NeededVersions> needed_versions(base::Env& env, const std::string& path);

/// DT_VERDEF, in order; nothing when the library's symbols have no versions, which the loader takes for all of them.
/// Throws Error(kPluginRefused).
std::vector<std::string> provided_versions(base::Env& env, const std::string& path);

/// "GLIBC_2.36" of many: the newest of the family that `version` belongs to, "" when there is none.
std::string newest_like(const std::string& version, const std::vector<std::string>& provided);

}  // namespace jobhost::plugin
