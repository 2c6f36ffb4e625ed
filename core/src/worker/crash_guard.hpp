#pragma once

#include <string>
#include <vector>

#include "store/failure.hpp"
#include "worker/control.hpp"

/// Everything that notices, inside an executor, how a task goes wrong: the stack of the last throw, signals, exit(),
/// uncaught exceptions. What ends the process is written into the lane, where the supervisor finds it.
namespace jobhost::worker {

/// Records the files loaded now; stack entries refer to them by index. Call after the plugin is loaded and again when a
/// stack holds unknown addresses. Not while another thread takes a stack.
void record_modules();
const std::vector<std::string>& recorded_modules();

/// Catches SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP, std::terminate and exit() from now on.
/// `default_lane` is blamed for threads that run no lane (a kernel's own threads); null when there are several lanes.
void install_crash_guard(Lane* default_lane);

/// Names the lane that this thread runs, and gives it an alternate signal stack. Call once per thread.
void guard_thread(Lane& lane);

/// Stack of the last throw on this thread, innermost first.
std::vector<store::StackEntry> last_throw_stack();

/// Exit code of an executor whose kernel called exit().
inline constexpr int kKernelExited = 97;

}  // namespace jobhost::worker
