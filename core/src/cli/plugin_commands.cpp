#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/document.hpp"
#include "cli/plugin_target.hpp"
#include "cli/session.hpp"
#include "plugin/fit.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

struct PluginOptions {
  std::string plugin;
  BuildOptions build;
  bool json = false;
};

Json skipped_functions(const schema::Description& description) {
  Json list = Json::array();
  for (const auto& skipped : description.skipped) {
    list.push_back(
        {{"name", skipped.name}, {"reason", skipped.reason}, {"file", skipped.file}, {"line", skipped.line}});
  }
  return list;
}

void list_kernels(Session& session, const PluginOptions& options) {
  const auto description = plugin::describe(session.env, options.plugin);
  if (options.json) {
    Json kernels = Json::array();
    for (const auto& kernel : description.kernels) kernels.push_back(to_json(kernel));
    return print_document(
        {{"plugin", options.plugin}, {"kernels", std::move(kernels)}, {"skipped", skipped_functions(description)}});
  }
  for (const auto& kernel : description.kernels) {
    std::printf("%s\n", kernel.signature.c_str());
    std::string indented;
    for (char c : kernel.doc) indented += c == '\n' ? std::string("\n    ") : std::string(1, c);
    if (!indented.empty()) std::printf("    %s\n", indented.c_str());
  }
  for (const auto& skipped : description.skipped) {
    session.say("not a kernel: " + skipped.name + ": " + skipped.reason);
  }
}

/// What check found; all of it is printed before anything is refused.
void print_check(const PluginOptions& options, const plugin::ElfFacts& facts, const schema::Description& description,
                 const std::vector<plugin::Dependency>& needed) {
  if (options.json) {
    Json libraries = Json::array();
    for (const auto& library : needed) {
      libraries.push_back({{"name", library.soname},
                           {"path", library.path},
                           {"build_id", library.build_id},
                           {"system", library.system},
                           {"found", !library.path.empty()}});
    }
    return print_document({{"plugin", options.plugin},
                           {"build_id", facts.build_id},
                           {"compiler", description.compiler},
                           {"abi", description.abi},
                           {"cpu_features", description.cpu_features},
                           {"kernels", description.kernels.size()},
                           {"libraries", std::move(libraries)},
                           {"skipped", skipped_functions(description)}});
  }
  std::printf("%s\n  build id   %s\n  compiler   %s\n  plugin ABI %d\n  kernels    %zu\n", options.plugin.c_str(),
              facts.build_id.empty() ? "none" : facts.build_id.c_str(), description.compiler.c_str(), description.abi,
              description.kernels.size());
  for (const auto& library : needed) {
    const char* note = library.path.empty() ? "NOT FOUND" : library.system ? "system" : "travels with the job";
    std::printf("  needs      %s   %s   %s\n", library.soname.c_str(), library.path.c_str(), note);
  }
  for (const auto& skipped : description.skipped) {
    std::printf("  not a kernel: %s: %s\n", skipped.name.c_str(), skipped.reason.c_str());
  }
}

void check(Session& session, const PluginOptions& options) {
  const auto facts = plugin::read_elf(session.env, options.plugin);
  const auto description = plugin::describe(session.env, options.plugin);
  const char* paths = std::getenv("LD_LIBRARY_PATH");
  const auto needed = plugin::find_dependencies(session.env, options.plugin, paths ? paths : "");
  print_check(options, facts, description, needed);
  plugin::require_fit(description, options.plugin);
  if (std::any_of(needed.begin(), needed.end(), [](const auto& library) { return library.path.empty(); })) {
    throw base::Error(base::ExitCode::kPluginRefused, "'" + options.plugin + "' needs libraries that are not found",
                      "install them, or rebuild the plugin with a RUNPATH that leads to them");
  }
  session.say("nothing in the way of running this plugin here");
}

}  // namespace

void add_plugin_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<PluginOptions>();
  const auto add = [&](const char* name, const char* what, void (*run)(Session&, const PluginOptions&)) {
    auto* command = app.add_subcommand(name, what);
    command->add_option("plugin", options->plugin, "The .so file, or a source file, which is built first")
        ->required()
        ->type_name("PLUGIN");
    command->add_flag("--json", options->json, "Print one JSON document");
    add_build_options(*command, options->build);
    command->callback([&session, options, run] {
      options->plugin = plugin_of(session, options->plugin, options->build);
      run(session, *options);
    });
  };
  add("kernels", "List the kernels of a plugin", &list_kernels);
  add("check", "Say whether a plugin can run here, and what it needs", &check);
}

}  // namespace jobhost::cli
