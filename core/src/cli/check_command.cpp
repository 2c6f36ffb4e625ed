#include "cli/check_command.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/document.hpp"
#include "cli/tables.hpp"
#include "jobhost/sdk/abi.h"
#include "plugin/fit.hpp"
#include "plugin/floating_point.hpp"
#include "plugin/inspect.hpp"
#include "plugin/producer.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Checked {
  std::string plugin;
  plugin::ElfFacts facts;
  schema::Description description;
  std::string producer;
  std::vector<plugin::Dependency> needed;
  std::vector<plugin::Obstacle> problems;
  std::vector<std::string> notes;
};

/// Of another ABI's schema nothing is known but who wrote it.
bool is_readable(const Checked& checked) { return checked.description.abi == JOBHOST_ABI; }

/// What does not keep the plugin from running, but is better known beforehand.
std::vector<std::string> notes_on(Session& session, const Checked& checked) {
  std::vector<std::string> notes;
  const auto look_at = [&](const std::string& path, const std::string& build_id) {
    const std::string file = "'" + path + "' ";
    if (build_id.empty()) notes.push_back(file + "has no build id: link it with -Wl,--build-id to tell builds apart");
    if (plugin::links_fast_math(session.env, path)) {
      notes.push_back(file +
                      "is linked with -ffast-math, which makes the whole process flush denormal numbers to zero");
    }
  };
  look_at(checked.plugin, checked.facts.build_id);
  for (const auto& library : checked.needed) {
    if (!library.system && !library.path.empty()) look_at(library.path, library.build_id);
  }
  if (checked.producer.empty()) {
    notes.push_back("'" + checked.plugin + "' has no debug information: places of throws and globals have no names");
  }
  if (is_readable(checked) && checked.description.kernels.empty() && !checked.description.program)
    notes.push_back("'" + checked.plugin + "' has no kernels");
  return notes;
}

Checked examine(Session& session, const std::string& path) {
  Checked checked;
  checked.plugin = path;
  checked.facts = plugin::read_elf(session.env, path);
  checked.description = plugin::parse_schema(checked.facts, path);
  checked.producer = plugin::producer(path);
  const char* paths = std::getenv("LD_LIBRARY_PATH");
  checked.needed = plugin::find_dependencies(session.env, path, paths ? paths : "");
  checked.problems = plugin::obstacles(
      session.env, path, {checked.description.abi, checked.description.jobhost, checked.description.cpu_features},
      checked.needed);
  checked.notes = notes_on(session, checked);
  return checked;
}

void print_document_of(const Checked& checked) {
  Json libraries = Json::array(), problems = Json::array(), globals = Json::array();
  for (const auto& library : checked.needed) {
    libraries.push_back({{"name", library.soname},
                         {"path", library.path},
                         {"build_id", library.build_id},
                         {"system", library.system},
                         {"found", !library.path.empty()}});
  }
  for (const auto& problem : checked.problems) problems.push_back(problem.what);
  for (const auto& global : checked.description.globals) {
    globals.push_back({{"name", global.name}, {"type", schema::cpp_name(global.type)}});
  }
  Json document = {{"plugin", checked.plugin},
                   {"build_id", checked.facts.build_id},
                   {"compiler", checked.description.compiler},
                   {"producer", checked.producer},
                   {"abi", checked.description.abi},
                   {"jobhost", checked.description.jobhost},
                   {"cpu_features", checked.description.cpu_features},
                   {"kernels", checked.description.kernels.size()},
                   {"globals", std::move(globals)},
                   {"libraries", std::move(libraries)},
                   {"skipped", to_json(checked.description.skipped)},
                   {"problems", std::move(problems)},
                   {"notes", checked.notes}};
  if (checked.description.program) document["program"] = true;
  print_document(document);
}

/// "2 libraries travel with it"
std::string company(const Checked& checked) {
  const auto travelling = std::count_if(checked.needed.begin(), checked.needed.end(),
                                        [](const auto& library) { return !library.system && !library.path.empty(); });
  if (travelling == 1) return "1 library travels with it";
  return (travelling == 0 ? "no" : std::to_string(travelling)) + " libraries travel with it";
}

void print_lines(const Checked& checked) {
  const auto& description = checked.description;
  std::printf("%s\n  build id   %s\n  compiler   %s\n", checked.plugin.c_str(),
              checked.facts.build_id.empty() ? "none" : checked.facts.build_id.c_str(), description.compiler.c_str());
  if (!checked.producer.empty()) std::printf("  built by   %s\n", checked.producer.c_str());
  std::printf("  plugin ABI %d%s\n", description.abi,
              description.jobhost.empty() ? "" : (", of jobhost " + description.jobhost).c_str());
  if (description.program) {
    std::printf("  program    a program's module, %s: the program itself maps its functions\n",
                company(checked).c_str());
  } else if (is_readable(checked)) {
    std::printf("  kernels    %zu\n", description.kernels.size());
  }
  for (const auto& global : description.globals) {
    std::printf("  global     %s %s\n", schema::cpp_name(global.type).c_str(), global.name.c_str());
  }
  for (const auto& skipped : description.skipped) {
    std::printf("  not a kernel: %s: %s\n", skipped.name.c_str(), skipped.reason.c_str());
  }
  std::vector<std::vector<std::string>> libraries;
  for (const auto& library : checked.needed) {
    const char* how = library.path.empty() ? "not found" : library.system ? "system" : "travels with the job";
    libraries.push_back({library.soname, how, library.path});
  }
  if (!libraries.empty()) {
    std::printf("\n");
    print_table({{"LIBRARY"}, {"HOW"}, {"FILE"}}, libraries);
    std::printf("\n");
  }
  for (const auto& note : checked.notes) std::printf("note: %s\n", note.c_str());
  for (const auto& problem : checked.problems) std::printf("problem: %s\n", problem.what.c_str());
}

}  // namespace

void check_plugin(Session& session, const std::string& path, bool json) {
  const Checked checked = examine(session, path);
  json ? print_document_of(checked) : print_lines(checked);
  if (checked.problems.size() == 1) plugin::require_none(checked.problems);
  if (checked.problems.size() > 1) {
    std::string hints;
    for (const auto& problem : checked.problems) {
      if (hints.find(problem.hint) == std::string::npos) hints += (hints.empty() ? "" : "\n") + problem.hint;
    }
    throw base::Error(base::ExitCode::kPluginRefused,
                      std::to_string(checked.problems.size()) + " problems keep '" + path + "' from running here",
                      hints);
  }
  session.say("nothing in the way of running this plugin here");
}

}  // namespace jobhost::cli
