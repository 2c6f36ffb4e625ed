#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "backend/queue.hpp"
#include "host/submission.hpp"

namespace jobhost::cli {

/// What the queue says of a job that is not done, if it ever was in one.
std::optional<backend::QueueState> queue_of(base::Env& env, const host::Job& job, const std::string& state);

/// "slurm: 3 run, 5 wait (Resources)"
std::string queue_in_words(const backend::QueueState& queue);
nlohmann::ordered_json to_json(const backend::QueueState& queue);

}  // namespace jobhost::cli
