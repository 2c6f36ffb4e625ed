#pragma once

#include <string>
#include <vector>

#include "cli/backend_options.hpp"
#include "cli/follow.hpp"
#include "cli/input_arguments.hpp"
#include "cli/plugin_target.hpp"
#include "cli/session.hpp"
#include "host/submission.hpp"

namespace jobhost::cli {

/// What keeps a task from harming the rest.
struct GuardOptions {
  double timeout = 0;  // seconds; 0: not given
  std::string memory;
  std::optional<unsigned> retries;
  std::optional<std::uint64_t> timeout_ms() const;
  std::optional<std::uint64_t> bytes() const;  // Throws Error(kUsage).
};

/// `retries_default`: what is said to be taken without --retries. `options` outlives the command.
void add_guard_options(CLI::App& command, GuardOptions& options, const std::string& retries_default);

/// What `run` and `submit` are told.
struct RunOptions {
  std::string target, expression;
  BuildOptions build;
  std::vector<std::string> words, linspace, logspace, common;  // NAME=…, merged by order of typing in make_job()
  InputArguments inputs;
  std::string csv, tsv, jsonl, npy;
  std::string seed;
  std::string sample;
  BackendOptions backend;
  std::string chunk = "auto";
  GuardOptions guards;
  std::string sync = base::word_of(base::SyncPolicy::kBatch);
  std::vector<std::string> globals;
  bool isolate_globals = false;
  std::string init;
  context::Wishes wishes;
  std::string session;
  std::string max_failures;
  bool fail_fast = false;
  std::string order = "input";
  bool reuse = false;
  bool dry_run = false, detach = false, hold = false;
  bool exact_libraries = false;
  std::string label;
  bundle::Output output;
};

/// Adds what says what to compute, and how. `options` outlives the command.
void add_run_options(CLI::App& command, RunOptions& options);
/// Adds what only a host that waits for the results can do.
void add_waiting_options(CLI::App& command, RunOptions& options);

/// Names and values of GLOBAL=VALUE words. Throws Error(kUsage).
std::vector<std::pair<std::string, std::string>> globals_of(const std::vector<std::string>& words);

/// Makes the job that the options and the words of `command` describe. Throws Error(kUsage).
host::Job make_job(Session& session, const CLI::App& command, RunOptions options);

FollowOptions follow_options(const RunOptions& options, const host::Job& job);

/// Where the file's name of a target ends, the colon behind it; npos without one.
std::size_t colon_of(const std::string& target);

/// "PLUGIN.so:KERNEL" or "FILE.cpp:KERNEL"; kernels may hold colons themselves. Without a name: "".
std::pair<std::string, std::string> split_target(const std::string& target);

}  // namespace jobhost::cli
