#include "plugin/system_directories.hpp"

#include "base/real_path.hpp"

namespace jobhost::plugin {
namespace {

bool starts_with_directory(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

}  // namespace

const std::vector<std::string>& system_directories() {
  static const std::vector<std::string> directories = {
      "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
  return directories;
}

bool belongs_to_system(const std::string& path) {
  const auto real = base::real_path(path);
  if (!real) return false;
  for (const char* directory : {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/lib32"}) {
    if (starts_with_directory(*real, directory)) return true;
  }
  return false;
}

}  // namespace jobhost::plugin
