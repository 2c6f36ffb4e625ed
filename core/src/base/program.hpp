#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"

namespace jobhost::base {

/// Absolute path of the first program of that name in PATH; "" when there is none.
std::string program_path(const std::string& name);
/// The same; throws Error(kBackendFailed), with `hint` or the advice to install it, when there is none.
std::string find_program(const std::string& name, const std::string& hint = {});

/// How a program ended.
struct ProgramEnd {
  ExitStatus status;
  bool took_too_long = false;  // it was killed for that
  std::string printed, complaints;
  bool succeeded() const { return !took_too_long && !status.signaled && status.code == 0; }
  /// The first line that it complained with, or how it ended, for a sentence.
  std::string why() const;
};

/// A program that runs beside this one, with this one's environment; what it prints is kept in memory.
class ProgramRun {
 public:
  /// `words[0]` is an absolute path. Killed after `limit_ns`. Throws Error(kBackendFailed) when it cannot be started.
  ProgramRun(Env& env, std::vector<std::string> words, std::uint64_t limit_ns);
  ~ProgramRun();  // kills it when it still runs
  ProgramRun(const ProgramRun&) = delete;
  ProgramRun& operator=(const ProgramRun&) = delete;

  /// Nothing while it runs; afterwards the same each time. Never waits.
  const std::optional<ProgramEnd>& look();

 private:
  Env& env_;
  File printed_, complaints_;
  std::uint64_t begin_ns_, limit_ns_;
  int pid_ = -1;
  bool took_too_long_ = false;
  std::optional<ProgramEnd> end_;
};

/// Runs a program to its end.
ProgramEnd run_program(Env& env, std::vector<std::string> words, std::uint64_t limit_ns);

}  // namespace jobhost::base
