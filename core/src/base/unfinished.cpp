#include "base/unfinished.hpp"

#include <unistd.h>

#include <algorithm>
#include <climits>

namespace jobhost::base {

std::string unfinished_name(const std::string& path, const std::string& ending) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const long allowed = ::pathconf(folder.empty() ? "." : folder.c_str(), _PC_NAME_MAX);
  const std::size_t longest_name = allowed > 0 ? static_cast<std::size_t>(allowed) : NAME_MAX;
  const std::size_t longest = std::min(folder.size() + longest_name, std::size_t{PATH_MAX} - 1);
  std::size_t kept = path.size();
  if (kept + ending.size() > longest) {
    kept = std::max(longest - std::min(longest, ending.size()), folder.size());
    while (kept > folder.size() && (static_cast<unsigned char>(path[kept]) & 0xc0) == 0x80) --kept;  // whole characters
  }
  return path.substr(0, kept) + ending;
}

}  // namespace jobhost::base
