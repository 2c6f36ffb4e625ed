#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/session.hpp"
#include "host/result_stream.hpp"

/// What people and programs are told of whole jobs, without the schema.
namespace jobhost::cli {

/// All that `show --json` says of a job, of which `stream` has read the logs; `verbose`: with each worker.
nlohmann::ordered_json job_document(base::Env& env, const host::Job& job, const std::string& state,
                                    const host::ResultStream& stream, const std::vector<std::string>& damage,
                                    bool verbose);

/// All that `ls --json` says of the jobs of the store.
nlohmann::ordered_json jobs_document(Session& session);

}  // namespace jobhost::cli
