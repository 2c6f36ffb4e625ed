#pragma once

#include <string>

#include "base/env.hpp"
#include "host/submission.hpp"

namespace jobhost::cli {

/// The document that a report and the dashboard's page of a job show, as JSON: docs/report.md. Its size and the memory
/// that it takes are bounded, whatever the number of tasks.
std::string report_document(base::Env& env, const host::Job& job);

}  // namespace jobhost::cli
