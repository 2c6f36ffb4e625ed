#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace jobhost::base {

/// Exit codes of the command line; scripts rely on them.
enum class ExitCode : int {
  kOk = 0,
  kTasksFailed = 1,
  kUsage = 2,
  kPluginRefused = 3,
  kBackendFailed = 4,
  kDamaged = 5,
  kOwnedElsewhere = 75,
  kInterrupted = 130,
  kTerminated = 143,
};

/// An expected failure that ends the current command: what is wrong and where (`what()`), what to do next (`hint()`).
/// `what()` is one sentence without the leading "error:"; `hint()` holds zero or more full lines, without indentation.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& what, std::string hint = {})
      : std::runtime_error(what), code_(code), hint_(std::move(hint)) {}

  ExitCode code() const noexcept { return code_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
  ExitCode code_;
  std::string hint_;
};

}  // namespace jobhost::base
