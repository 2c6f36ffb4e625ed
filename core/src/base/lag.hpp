#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/env.hpp"

/// What to expect of file systems that several machines share. Their clients remember for a while what they learnt:
/// sizes of files, names that exist and, longest of all, names that do not. Opening a file asks anew.
namespace jobhost::base {

/// NFS clients believe what they remember for up to a minute (acregmax, acdirmax).
inline constexpr std::uint64_t kLongestLagNs = 60'000'000'000;

/// Whether what other machines do beneath `path` may show here late. True unless the file system is known to be one
/// that a single machine has for itself.
bool may_lag(Env& env, const std::string& path);

/// Repeats `call`, which answers 0 or -errno, while it says that there is no such thing as another call has just said
/// to exist; for as long as file systems lag. Returns its last answer.
int until_seen(Env& env, const std::function<int()>& call);

}  // namespace jobhost::base
