#include "cli/standard_output.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/error.hpp"
#include "cli/signals.hpp"

namespace jobhost::cli {

void flush_standard_output(const std::string& hint) {
  const int failure = std::fflush(stdout) != 0 ? errno : 0;
  if (failure == EPIPE) throw ReaderGone();
  if (failure == 0 && std::ferror(stdout) == 0) return;
  std::string what = "cannot write to standard output";
  if (failure != 0) what += ": " + std::generic_category().message(failure);  // else an earlier write failed
  throw base::Error(base::ExitCode::kBackendFailed, what, hint.empty() ? "see where it goes, then try again" : hint);
}

}  // namespace jobhost::cli
