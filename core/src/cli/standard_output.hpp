#pragma once

#include <string>

namespace jobhost::cli {

/// Sends what was printed so far. Throws Error(kBackendFailed) with `hint` when not all of it arrived, ReaderGone when
/// nobody reads it any more.
void flush_standard_output(const std::string& hint = "");

}  // namespace jobhost::cli
