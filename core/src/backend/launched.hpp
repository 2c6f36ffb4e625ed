#pragma once

#include <string>
#include <vector>

#include "backend/backend.hpp"

namespace jobhost::backend {

/// A program that starts a group of workers, perhaps on many machines, and ends when all of them did.
struct Launcher {
  std::string name;                    // of the backend
  std::string program;                 // absolute path
  std::vector<std::string> arguments;  // before those of the worker, but for:
  std::string count;                   // the option that takes the number of workers
  unsigned lanes_per_worker = 1;
  std::vector<std::string> environment;   // "NAME=value"
  std::vector<std::string> options = {};  // of the user, as they were given
};

/// MPI's: `mpirun`, or what the options name. Throws Error(kBackendFailed) where there is none, Error(kUsage) for
/// options that cannot be passed on.
Launcher mpi_launcher(base::Env& env, const Choice& choice);

/// Slurm's, for workers inside of the allocation that this process is part of.
Launcher srun_launcher(base::Env& env, const Choice& choice);

/// Workers that one launcher started. They go on when this process is killed, and end with their launcher.
std::unique_ptr<Backend> make_launched(base::Env& env, Launcher launcher, bool detached);

}  // namespace jobhost::backend
