#pragma once

#include <cstdint>
#include <string>

#include "base/env.hpp"
#include "store/job_directory.hpp"

namespace jobhost::store {

/// Says that every task has ended. Several may say it; `id`: of who does. `durable`: so that it survives a power cut.
void write_done(base::Env& env, const JobDirectory& job, const std::string& id, std::uint64_t ok, std::uint64_t failed,
                bool durable);

}  // namespace jobhost::store
