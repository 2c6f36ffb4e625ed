#pragma once

#include "backend/backend.hpp"

namespace jobhost::backend {

/// The command line of a worker.
inline std::vector<std::string> worker_words(const WorkerCommand& command, unsigned lanes, const std::string& mode) {
  return {command.program, "worker", "--job",   command.job_directory, "--manifest", command.manifest_sha256,
          "--mode",        mode,     "--lanes", std::to_string(lanes)};
}

}  // namespace jobhost::backend
