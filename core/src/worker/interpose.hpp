#pragma once

#include <cstddef>
#include <cstdint>

/// Functions of the C and C++ runtimes that executors define themselves, in front of the real ones. interpose.cpp is
/// linked into executors only; other programs get the empty versions of no_interpose.cpp.
namespace jobhost::worker {

/// Addresses of the calls that led to the last throw on this thread, innermost first.
struct ThrowSite {
  static constexpr std::size_t kMaxDepth = 32;
  std::uintptr_t addresses[kMaxDepth];
  std::size_t depth;
};
const ThrowSite& last_throw_site();
/// Throw sites of this thread end with the call that `frame` made: what called that is not of interest.
void set_throw_floor(const void* frame);

/// Called when code of the plugin calls exit, quick_exit or _exit; returning lets the call go on.
using ExitObserver = void (*)(const char* call, int code, const std::uintptr_t* addresses, std::size_t depth);
void set_exit_observer(ExitObserver observer);

/// Called with every name that code of this process looks up in the environment and does not find. Any thread may call.
using LookupObserver = void (*)(const char* name);
void set_lookup_observer(LookupObserver observer);

/// Fills in the addresses of this thread's calls, innermost first, down to the frame at `floor`; returns how many.
std::size_t walk_stack(std::uintptr_t* addresses, std::size_t limit, std::uintptr_t floor = UINTPTR_MAX);

}  // namespace jobhost::worker
