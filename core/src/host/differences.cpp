#include <algorithm>
#include <map>

#include "host/reuse.hpp"

namespace jobhost::host {
namespace {

using Clauses = std::vector<std::string>;

/// "build id 0123456789ab then, ba9876543210 now"
std::string builds(const bundle::Blob& then, const bundle::Blob& now) {
  const bool ids = !then.build_id.empty() && !now.build_id.empty() && then.build_id != now.build_id;
  const std::string& a = ids ? then.build_id : then.sha256;
  const std::string& b = ids ? now.build_id : now.sha256;
  return std::string(ids ? "build id " : "SHA-256 ") + a.substr(0, 12) + "... then, " + b.substr(0, 12) + "... now";
}

void compare_kernel(const schema::Kernel& then, const schema::Kernel& now, Clauses& found) {
  const bool same =
      std::equal(then.parameters.begin(), then.parameters.end(), now.parameters.begin(), now.parameters.end(),
                 [](const auto& a, const auto& b) { return a.type == b.type && a.in_out == b.in_out; });
  if (!same) found.push_back("the parameters are others (" + then.signature + " then, " + now.signature + " now)");
  if (then.result != now.result) {
    found.push_back("the result is of another type (" + schema::cpp_name(then.result) + " then, " +
                    schema::cpp_name(now.result) + " now)");
  }
}

void compare_code(const bundle::Manifest& then, const bundle::Manifest& now, Clauses& found) {
  if (then.plugin.sha256 != now.plugin.sha256) {
    found.push_back("the code is another build (plugin " + now.plugin.name + ": " + builds(then.plugin, now.plugin) +
                    ")");
  }
  std::map<std::string, const bundle::Blob*> before;
  for (const auto& library : then.libraries) before[library.name] = &library;
  for (const auto& library : now.libraries) {
    const auto old = before.find(library.name);
    if (old == before.end()) {
      found.push_back("the code needs the library " + library.name + " only now");
    } else if (old->second->sha256 != library.sha256) {
      found.push_back("the code is another build (library " + library.name + ": " + builds(*old->second, library) +
                      ")");
    }
    if (old != before.end()) before.erase(old);
  }
  for (const auto& [name, library] : before) found.push_back("the code needs the library " + name + " no longer");
}

/// What became of named values: `say(name)` begins each clause.
template <class Value, class Say>
void compare_named(std::map<std::string, Value> then, const std::map<std::string, Value>& now, const Say& say,
                   Clauses& found) {
  for (const auto& [name, value] : now) {
    const auto old = then.find(name);
    if (old == then.end()) {
      found.push_back(say(name) + " was not set then");
    } else if (old->second != value) {
      found.push_back(say(name) + " has another value");
    }
    if (old != then.end()) then.erase(old);
  }
  for (const auto& [name, value] : then) found.push_back(say(name) + " is not set now");
}

std::map<std::string, base::Bytes> globals_of(const bundle::Manifest& manifest) {
  std::map<std::string, base::Bytes> globals;
  for (const auto& global : manifest.globals) {
    const std::string of = global.library.empty() ? "" : " of " + global.library;
    globals[global.name + of] = global.value;
  }
  return globals;
}

/// Digests of the files that the initialiser and globals name.
std::map<std::string, std::string> files_of(const bundle::Manifest& manifest) {
  std::map<std::string, std::string> files;
  for (const auto& file : manifest.provenance.files) {
    if (file.read_by == bundle::InputFile::ReadBy::kEveryTask) files[file.path] = file.sha256;
  }
  return files;
}

void compare_files(std::map<std::string, std::string> then, const std::map<std::string, std::string>& now,
                   Clauses& found) {
  for (const auto& [name, sha256] : now) {
    const auto old = then.find(name);
    if (old == then.end()) {
      found.push_back("what '" + name + "' holds is recorded only now");
    } else if (old->second != sha256) {
      found.push_back("'" + name + "' has changed");
    }
    if (old != then.end()) then.erase(old);
  }
  for (const auto& [name, sha256] : then) found.push_back("what '" + name + "' holds is recorded only then");
}

std::map<std::string, std::string> environment_of(const bundle::CallingContext& context) {
  std::map<std::string, std::string> variables(context.environment.begin(), context.environment.end());
  // What shells keep for themselves, and where jobs are kept.
  for (const char* own : {"PWD", "OLDPWD", "SHLVL", "_", "TERM", "JOBHOST_STORE"}) variables.erase(own);
  return variables;
}

/// Names alone: nobody knows what their values were.
std::map<std::string, bool> passed_on(const bundle::CallingContext& context) {
  std::map<std::string, bool> names;
  for (const auto& name : context.secret) names[name] = true;
  return names;
}

void compare_system(const bundle::Manifest& then, const bundle::Manifest& now, Clauses& found) {
  std::map<std::string, std::string> before;
  for (const auto& library : then.system_libraries) before[library.soname] = library.build_id;
  for (const auto& library : now.system_libraries) {
    const auto old = before.find(library.soname);
    if (old != before.end() && old->second != library.build_id) {
      found.push_back("the system library " + library.soname + " is another build");
    }
  }
}

void compare_contexts(const bundle::CallingContext& then, const bundle::CallingContext& now, Clauses& found) {
  if (then.working_directory != now.working_directory) {
    found.push_back("the working directory is another one (" + then.working_directory + " then)");
  }
  if (then.whole != now.whole) {
    found.push_back("the whole calling context is recorded only " + std::string(now.whole ? "now" : "then"));
    return;
  }
  compare_named(
      environment_of(then), environment_of(now),
      [](const std::string& name) { return "the environment variable " + name; }, found);
  compare_named(
      passed_on(then), passed_on(now),
      [](const std::string& name) { return "the environment variable " + name + ", whose value is not recorded,"; },
      found);
  if (then.locale != now.locale || then.cpp_locale != now.cpp_locale) found.push_back("the locale is another one");
  if (then.time_zone != now.time_zone) {
    found.push_back("the time zone is another one (" + then.time_zone + " then, " + now.time_zone + " now)");
  }
  if (then.mxcsr != now.mxcsr || then.x87 != now.x87) found.push_back("the floating-point mode is another one");
  if (then.processors != now.processors) {
    found.push_back("the processors are others in number (" + std::to_string(then.processors) + " then, " +
                    std::to_string(now.processors) + " now)");
  }
}

}  // namespace

Clauses differences(const bundle::Manifest& then, const bundle::Manifest& now) {
  Clauses found;
  compare_kernel(then.kernel, now.kernel, found);
  compare_code(then, now, found);
  compare_system(then, now, found);
  compare_named(
      globals_of(then), globals_of(now), [](const std::string& name) { return "global '" + name + "'"; }, found);
  if (then.isolate_globals != now.isolate_globals) {
    found.push_back("globals are isolated only " + std::string(now.isolate_globals ? "now" : "then"));
  }
  const auto& init = now.init;
  if (then.init.name != init.name || then.init.arguments != init.arguments || then.init.ends != init.ends) {
    found.emplace_back("the initialiser is another one, or has other arguments");
  }
  compare_files(files_of(then), files_of(now), found);
  compare_contexts(then.context, now.context, found);
  // Nobody knows what it was then.
  for (const auto& name : now.context.secret)
    found.push_back("the value of '" + name + "' is not recorded, as of a secret");
  return found;
}

}  // namespace jobhost::host
