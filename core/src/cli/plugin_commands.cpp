#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/check_command.hpp"
#include "cli/document.hpp"
#include "cli/plugin_target.hpp"
#include "cli/session.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

struct PluginOptions {
  std::string plugin;
  BuildOptions build;
  bool json = false;
};

void list_kernels(Session& session, const PluginOptions& options) {
  const auto description = plugin::describe(session.env, options.plugin);
  if (options.json) {
    Json kernels = Json::array();
    for (const auto& kernel : description.kernels) kernels.push_back(to_json(kernel));
    return print_document(
        {{"plugin", options.plugin}, {"kernels", std::move(kernels)}, {"skipped", to_json(description.skipped)}});
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
  if (description.program)
    session.say("'" + options.plugin + "' is a program's module: only the program maps its functions");
}

void check(Session& session, const PluginOptions& options) { check_plugin(session, options.plugin, options.json); }

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
