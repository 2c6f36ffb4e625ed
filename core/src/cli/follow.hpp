#pragma once

#include <memory>

#include "backend/backend.hpp"
#include "cli/row_output.hpp"
#include "cli/session.hpp"
#include "host/ownership.hpp"
#include "store/doorbell.hpp"

namespace jobhost::cli {

/// The host's side of a running job: workers it started, and the right to do so.
struct Running {
  std::unique_ptr<host::Ownership> ownership;
  std::unique_ptr<store::Doorbell> doorbell;
  std::unique_ptr<backend::Backend> backend;
};

/// Claims the job and starts workers for what is left of it.
Running start_workers(Session& session, const host::Job& job, const std::string& backend, unsigned workers);

/// Streams rows in order until the job is done; returns the exit code. `running` null: only reads along. On Ctrl-C
/// workers finish what they run, everything committed is printed as far as it is in order, and the way to go on is
/// said.
int follow(Session& session, const host::Job& job, Running* running, const bundle::Output& output);

}  // namespace jobhost::cli
