#pragma once

#include <atomic>
#include <string>

namespace jobhost::cli {

/// Thrown when whoever read our standard output went away (`| head`).
struct ReaderGone {};

/// Counts SIGINT, SIGTERM and SIGHUP from now on, ignores SIGPIPE, and lets SIGCHLD end sleeps. The handlers stay for
/// the rest of the process.
struct Signals {
  static void install();
  static std::atomic<int> requests;  // how often the user asked to stop
  static std::atomic<int> last;      // the signal
  /// 143 for SIGTERM, else 130.
  static int exit_code();
  /// Throws Error(exit_code()) with this sentence once the user asked.
  static void throw_if_asked(const std::string& sentence = "interrupted: there is no job yet");
  /// The same, and waits until there is something to be read.
  static void wait_readable(int fd);
};

}  // namespace jobhost::cli
