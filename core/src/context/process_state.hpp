#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace jobhost::context {

/// What a task can change of the process it runs in, and later ones would find changed.
struct ProcessState {
  std::string working_directory;
  std::uint32_t umask;
  int niceness;
  std::vector<std::string> environment;  // sorted
  std::vector<std::string> limits, locale;
  std::vector<bool> processors;

  /// Of this process. Not while other threads change it.
  static ProcessState current();
  /// What became of it, as in "the working directory and the umask"; "" when it is the same.
  std::string against(const ProcessState& before) const;
};

}  // namespace jobhost::context
