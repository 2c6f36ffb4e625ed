#pragma once

#include <cstdint>
#include <string>

#include "base/env.hpp"
#include "store/job_directory.hpp"

namespace jobhost::store {

/// Says that every task has ended; durable when it returns. Several may say it. `id`: of who does.
void write_done(base::Env& env, const JobDirectory& job, const std::string& id, std::uint64_t ok, std::uint64_t failed);

}  // namespace jobhost::store
