#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"
#include "base/error.hpp"

/// Whom files are believed: this user, root, and those that $JOBHOST_TRUST names.
namespace jobhost::base {

/// Not known to be damaged, and not believed because of who may have made it.
class Distrust : public Error {
 public:
  Distrust(const std::string& what, std::string hint) : Error(ExitCode::kDamaged, what, std::move(hint)) {}
};

/// "a FIFO", "a symbolic link", …
std::string kind_of(std::uint32_t mode);

/// Throws Distrust, which says what to do, when somebody else owns it or everybody may write to it.
void require_own(const FileStatus& status, const std::string& path);

/// Looks at a directory and all that lead to it, links followed. Throws Distrust when somebody else owns it or
/// when everybody may put another one in its place. Returns sentences about those whom it leaves to be trusted: a group
/// that may write to an ancestor, another owner of one. What does not exist is passed over.
std::vector<std::string> require_safe_place(Env& env, const std::string& path);

/// Whether others than owners and groups may change a file, or put another one in its place.
bool anybody_may_replace(Env& env, const std::string& path);

/// Whether an environment variable changes which code the loader or the C library runs: LD_*, GCONV_PATH.
bool steers_loader(const std::string& name);

/// Text of a job as it can be shown on a terminal: control characters but newline and tab become "\x1b".
std::string printable(const std::string& text);

}  // namespace jobhost::base
