#include <limits.h>
#include <stdlib.h>

#include <set>
#include <utility>

#include "base/file.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::plugin {
namespace {

/// Where ld.so looks last, and what counts as belonging to the operating system.
const std::vector<std::string>& system_directories() {
  static const std::vector<std::string> directories = {
      "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
  return directories;
}

bool starts_with_directory(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

bool belongs_to_system(const std::string& path) {
  char real[PATH_MAX];
  if (!::realpath(path.c_str(), real)) return false;
  for (const char* directory : {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/lib32"}) {
    if (starts_with_directory(real, directory)) return true;
  }
  return false;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// Directories of /etc/ld.so.conf and what it includes.
std::vector<std::string> configured_directories(base::Env& env) {
  std::vector<std::string> directories, files = {"/etc/ld.so.conf"}, names;
  if (env.list("/etc/ld.so.conf.d", names) >= 0) {
    for (const auto& name : names) {
      if (name.ends_with(".conf")) files.push_back("/etc/ld.so.conf.d/" + name);
    }
  }
  for (const auto& file : files) {
    if (!base::exists(env, file)) continue;
    const base::Bytes bytes = base::read_file(env, file, 1 << 20);
    std::string line;
    for (unsigned char c : bytes) {
      if (c != '\n') {
        line += static_cast<char>(c);
        continue;
      }
      if (line.starts_with('/')) directories.push_back(line.substr(0, line.find_first_of(" \t")));
      line.clear();
    }
  }
  return directories;
}

class Finder {
 public:
  Finder(base::Env& env, const std::string& ld_library_path)
      : env_(env), first_(split(ld_library_path)), last_(configured_directories(env)) {
    last_.insert(last_.end(), system_directories().begin(), system_directories().end());
  }

  /// Finds what the file needs; returns its schema section.
  std::string visit(const std::string& path, const std::vector<std::string>& inherited) {
    ElfFacts facts = read_elf(env_, path);
    std::vector<std::string> run_paths = facts.run_paths;
    run_paths.insert(run_paths.end(), inherited.begin(), inherited.end());
    for (const auto& soname : facts.needed) {
      if (!seen_.insert(soname).second) continue;
      Dependency dependency{soname, find(soname, run_paths), "", false};
      if (!dependency.path.empty()) {
        dependency.system = belongs_to_system(dependency.path);
        dependency.build_id = read_build_id(env_, dependency.path);
        // What system libraries need is the system's business.
        if (!dependency.system) dependency.schema = visit(dependency.path, run_paths);
      }
      found_.push_back(std::move(dependency));
    }
    return std::move(facts.schema);
  }

  std::vector<Dependency> take() { return std::move(found_); }

 private:
  std::string find(const std::string& soname, const std::vector<std::string>& run_paths) {
    if (soname.find('/') != std::string::npos) return base::exists(env_, soname) ? soname : "";
    for (const std::vector<std::string>* directories : {&std::as_const(first_), &run_paths, &std::as_const(last_)}) {
      for (const auto& directory : *directories) {
        const std::string path = directory + "/" + soname;
        if (base::exists(env_, path)) return path;
      }
    }
    return "";
  }

  base::Env& env_;
  std::vector<std::string> first_, last_;
  std::set<std::string> seen_;
  std::vector<Dependency> found_;
};

}  // namespace

std::vector<Dependency> find_dependencies(base::Env& env, const std::string& path, const std::string& ld_library_path) {
  Finder finder(env, ld_library_path);
  finder.visit(path, {});
  return finder.take();
}

}  // namespace jobhost::plugin
