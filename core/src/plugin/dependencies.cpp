#include <set>
#include <utility>

#include "base/file.hpp"
#include "plugin/inspect.hpp"
#include "plugin/system_directories.hpp"

namespace jobhost::plugin {
namespace {

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

  /// `inherited`: the directories of those that asked for this library; `strictly`: among them RPATHs only. Returns
  /// its build id.
  std::string visit(const std::string& path, const std::vector<std::string>& inherited,
                    const std::vector<std::string>& strictly) {
    const ElfFacts facts = read_linkage(env_, path);
    const auto with = [&](std::vector<std::string> own, const std::vector<std::string>& others) {
      own.insert(own.end(), others.begin(), others.end());
      return own;
    };
    const auto run_paths = with(facts.run_paths, inherited);
    const auto rpaths = with(facts.inherited ? facts.run_paths : std::vector<std::string>(), strictly);
    for (const auto& soname : facts.needed) {
      if (!seen_.insert(soname).second) continue;
      Dependency dependency{soname, find(soname, run_paths), "", false};
      if (!dependency.path.empty()) {
        dependency.system = belongs_to_system(dependency.path);
        // A system library is not led to a user's directory by a user's RUNPATH.
        dependency.build_id = visit(dependency.path, dependency.system ? rpaths : run_paths, rpaths);
      }
      found_.push_back(std::move(dependency));
    }
    return facts.build_id;
  }

  std::vector<Dependency> take() { return std::move(found_); }

 private:
  std::string find(const std::string& soname, const std::vector<std::string>& run_paths) {
    if (soname.find('/') != std::string::npos) return base::exists(env_, soname) ? soname : "";
    for (const std::vector<std::string>* directories : {&std::as_const(first_), &run_paths, &std::as_const(last_)}) {
      for (const auto& directory : *directories) {
        // What a RUNPATH such as "." or "" leads to is whatever lies in the working directory.
        if (directories == &run_paths && !directory.starts_with('/')) continue;
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
  finder.visit(path, {}, {});
  return finder.take();
}

}  // namespace jobhost::plugin
