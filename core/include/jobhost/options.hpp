#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace jobhost {

/// How far a map is.
struct Progress {
  std::uint64_t done = 0;   // tasks whose results are there, read or not
  std::uint64_t tasks = 0;  // in all; of an endless range those begun so far
  double seconds = 0;       // since the start
};

/// How tasks are run. Every verb takes it as an optional first argument: map({.workers = 4}, f, xs).
struct Options {
  std::string backend = "processes";  // or "threads"
  unsigned workers = 0;               // lanes to compute in; 0: one per core
  std::uint64_t chunk = 0;            // tasks that a lane begins at once; 0 adapts to about a millisecond
  double timeout = 0;                 // seconds per task; 0: none
  unsigned retries = 2;               // further attempts after a crash or time-out
  std::uint64_t memory = 0;           // bytes a task may take; 0: no limit
  std::uint64_t seed = 0;             // of jobhost::rng() in tasks
  bool exact_libraries = false;       // refuse machines whose system libraries differ from those here
  std::string label = {};             // for jobhost ls
  /// Directory of jobs that outlive the call, as for the command line. "": the job lives in memory and ends with its
  /// results.
  std::string store = {};
  /// Called on the thread that reads results, as they come, at most ten times a second, and once at the end. What it
  /// throws comes out of the reading. jobhost::progress_line() makes one that draws a line on the terminal.
  std::function<void(const Progress&)> progress = {};
  /// Ends the call early when a stop is requested: nothing new is started, the range ends, pipe throws.
  std::stop_token stop = {};
};

/// "1234/5000 25% 3.2 s, 5.9 s left" on standard error, rewritten in place on a terminal; elsewhere only the last.
std::function<void(const Progress&)> progress_line();

}  // namespace jobhost
