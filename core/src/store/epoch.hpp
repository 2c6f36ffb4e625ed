#pragma once

#include <cstdint>
#include <optional>

#include "base/env.hpp"
#include "store/job_directory.hpp"

namespace jobhost::store {

/// The highest epoch in which a host owned the job; nothing when none ever did. By listing the directory: network file
/// systems show new names there sooner than under the name itself.
std::optional<std::uint64_t> latest_epoch(base::Env& env, const JobDirectory& job);

}  // namespace jobhost::store
