#pragma once

#include <string>

#include "base/env.hpp"

namespace jobhost::cli {

/// The page that shows a job, in one file: code and styles are in it, and it says that a browser may run just these and
/// load nothing else. `data`: JSON, either a job's document, or what a page of the dashboard is told:
/// {"dashboard": true, "job": ID or null, "may_cancel": …}, which may ask its server for documents (`live`).
std::string report_page(base::Env& env, const std::string& data, bool live);

}  // namespace jobhost::cli
