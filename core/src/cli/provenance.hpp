#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "host/submission.hpp"

/// How results came to be, as JSON.
namespace jobhost::cli {

nlohmann::ordered_json to_json(const bundle::Blob& blob);
nlohmann::ordered_json to_json(const bundle::Provenance& provenance);

/// Everything that is known about results of these jobs, of which the first was repeated by the others.
nlohmann::ordered_json provenance_of(base::Env& env, const std::vector<host::Job>& jobs);

}  // namespace jobhost::cli
