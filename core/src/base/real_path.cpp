#include "base/real_path.hpp"

#include <limits.h>
#include <stdlib.h>

#include <cerrno>

#include "base/file.hpp"

namespace jobhost::base {

std::optional<std::string> real_path(const std::string& path) {
  char real[PATH_MAX];
  while (!::realpath(path.c_str(), real)) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    if (errno != EINTR) throw_file_error(-errno, "resolve", path);
  }
  return std::string(real);
}

}  // namespace jobhost::base
