#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace jobhost {
namespace detail {
struct Call;
}

/// A callable without arguments, as for pipe(): a function, a lambda, jobhost::bind(f, values...).
class Initialiser {
 public:
  Initialiser() = default;
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Initialiser>) Initialiser(F f);
  explicit operator bool() const { return static_cast<bool>(make_); }
  const std::function<detail::Call()>& maker() const { return make_; }

 private:
  std::function<detail::Call()> make_;
};

/// How far a map is.
struct Progress {
  std::uint64_t done = 0;   // tasks whose results are there, read or not
  std::uint64_t tasks = 0;  // in all; of an endless range those begun so far
  double seconds = 0;       // since the start
};

/// How tasks are run. Every verb takes it as an optional first argument: map({.workers = 4}, f, xs).
struct Options {
  /// "processes" or "threads" on this machine; "slurm" or "mpi" for a job in a store that all machines see, and neither
  /// for pools.
  std::string backend = "processes";
  /// "KEY=VALUE" for Slurm or mpirun, as --slurm and --mpi take them.
  std::vector<std::string> backend_options = {};
  unsigned workers = 0;          // lanes to compute in; 0: one per core, or as many as the allocation has
  std::uint64_t chunk = 0;       // tasks that a lane begins at once; 0 adapts to about a millisecond
  double timeout = 0;            // seconds per task; 0: none
  unsigned retries = 2;          // further attempts after a crash or time-out
  std::uint64_t memory = 0;      // bytes a task may take; 0: no limit
  std::uint64_t seed = 0;        // of jobhost::rng() in tasks
  bool exact_libraries = false;  // refuse machines whose system libraries differ from those here
  std::string label = {};        // for jobhost ls
  /// Directory of jobs that outlive the call, as for the command line. "": the job lives in memory and ends with its
  /// results.
  std::string store = {};
  /// What the results of such a job survive: "process", the death of any process; "batch", also a power cut, except for
  /// what was committed in the second before it; "strict", also a power cut, at the price of an fsync per commit.
  std::string sync = "batch";
  /// Called once in every worker process, after globals are restored and before its first task: for what a task finds
  /// ready, such as tables in globals that do not travel. When it throws, the map does.
  Initialiser init = {};
  /// Gives globals that travel their captured values again before every task. On threads only with one worker.
  bool isolate_globals = false;
  /// Environment variables that tasks see, besides those that always travel (docs/context.md): NAME, or NAME=VALUE.
  std::vector<std::string> environment = {};
  /// The C library's sin, exp, pow, … give the same bits on processors of any generation; some are slower then.
  bool portable_math = false;
  /// Told, once each and when the workers have ended, what the program should know although no task failed: a global
  /// that tasks changed, arithmetic that one of them left changed. Empty: it is printed to standard error.
  std::function<void(const std::string&)> note = {};
  /// Called on the thread that reads results, as they come, at most ten times a second, and once at the end. What it
  /// throws comes out of the reading. jobhost::progress_line() makes one that draws a line on the terminal.
  std::function<void(const Progress&)> progress = {};
  /// Ends the call early when a stop is requested: nothing new is started, the range ends, pipe throws.
  std::stop_token stop = {};
};

/// "1234/5000 25% 3.2 s, 5.9 s left" on standard error, rewritten in place on a terminal; elsewhere only the last.
std::function<void(const Progress&)> progress_line();

}  // namespace jobhost
