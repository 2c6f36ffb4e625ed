#pragma once

#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "backend/backend.hpp"
#include "base/trust.hpp"

namespace jobhost::backend {

/// The command line of a worker.
inline std::vector<std::string> worker_words(const WorkerCommand& command, unsigned lanes, const std::string& mode) {
  return {command.program, "worker", "--job",   command.job_directory, "--manifest", command.manifest_sha256,
          "--mode",        mode,     "--lanes", std::to_string(lanes)};
}

/// What workers on other machines need of the environment; tasks see what was captured at submission.
inline constexpr std::array kPassedOn = {"HOME",           "USER",  "LOGNAME", "PATH", "LD_LIBRARY_PATH",
                                         "XDG_CACHE_HOME", "TMPDIR"};

/// The environment of what this process starts.
inline std::vector<std::string> environment_of_starter() {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry; ++entry) {
    const std::string variable = *entry, name = variable.substr(0, variable.find('='));
    // The program itself may need LD_LIBRARY_PATH to start.
    if (!base::steers_loader(name) || name == "LD_LIBRARY_PATH") variables.push_back(variable);
  }
  return variables;
}

}  // namespace jobhost::backend
