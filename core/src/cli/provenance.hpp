#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/result_rows.hpp"

/// How results came to be, as JSON.
namespace jobhost::cli {

nlohmann::ordered_json to_json(const bundle::Blob& blob);
nlohmann::ordered_json to_json(const bundle::Provenance& provenance);

/// Everything that is known about rows that were written: how many there are, whether they are all, and how they came
/// to be. Of several jobs the first was repeated by the others.
nlohmann::ordered_json provenance_of(base::Env& env, const Written& written);

}  // namespace jobhost::cli
