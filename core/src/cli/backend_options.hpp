#pragma once

#include <string>
#include <vector>

#include "backend/backend.hpp"
#include "bundle/manifest.hpp"
#include "cli/session.hpp"

namespace jobhost::cli {

/// What starts workers, what it is told, and in how many lanes is computed.
struct BackendOptions {
  std::string name = {};
  unsigned lanes = 0;
  std::vector<std::string> slurm, mpi;
  std::string queue_template;  // its file, or the name of one that comes with jobhost
  bool auto_resubmit = false;
};

/// `default_backend` and `default_lanes` are for --help.
void add_backend_options(CLI::App& command, BackendOptions& options, const std::string& default_backend,
                         const std::string& default_lanes);

/// What --template knows without a file.
std::vector<std::string> template_names(base::Env& env);

/// That of a job.
backend::Choice choice_of(const bundle::Manifest& manifest);

/// What the command line chooses, `otherwise` where it says nothing. Throws Error(kUsage) for an unknown backend, for
/// options of another one, for what is no template, and for too many lanes.
backend::Choice choice_of(base::Env& env, const BackendOptions& options, const backend::Choice& otherwise = {});

/// In how many lanes is computed by a new job. Throws Error(kUsage) where only the user can know that.
unsigned lanes_of(const BackendOptions& options, const backend::Choice& choice);

}  // namespace jobhost::cli
