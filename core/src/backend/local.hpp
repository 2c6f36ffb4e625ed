#pragma once

#include "backend/backend.hpp"

namespace jobhost::backend {

/// "processes" or "threads" on this machine, see make_backend().
std::unique_ptr<Backend> make_local(base::Env& env, const std::string& name, bool detached,
                                    const RunWorker& run_worker);

}  // namespace jobhost::backend
