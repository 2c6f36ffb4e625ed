#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "base/error.hpp"
#include "cli/session.hpp"
#include "plugin/fit.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::cli {
namespace {

void list_kernels(Session& session, const std::string& plugin) {
  const auto description = plugin::describe(session.env, plugin);
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

void check(Session& session, const std::string& plugin) {
  const auto facts = plugin::read_elf(session.env, plugin);
  const auto description = plugin::describe(session.env, plugin);
  std::printf("%s\n  build id   %s\n  compiler   %s\n  plugin ABI %d\n  kernels    %zu\n", plugin.c_str(),
              facts.build_id.empty() ? "none" : facts.build_id.c_str(), description.compiler.c_str(), description.abi,
              description.kernels.size());
  const char* paths = std::getenv("LD_LIBRARY_PATH");
  bool missing = false;
  for (const auto& library : plugin::find_dependencies(session.env, plugin, paths ? paths : "")) {
    const char* note = library.path.empty() ? "NOT FOUND" : library.system ? "system" : "travels with the job";
    missing = missing || library.path.empty();
    std::printf("  needs      %s   %s   %s\n", library.soname.c_str(), library.path.c_str(), note);
  }
  plugin::require_fit(description, plugin);
  if (missing) {
    throw base::Error(base::ExitCode::kPluginRefused, "'" + plugin + "' needs libraries that are not found",
                      "install them, or rebuild the plugin with a RUNPATH that leads to them");
  }
  for (const auto& skipped : description.skipped) {
    std::printf("  not a kernel: %s: %s\n", skipped.name.c_str(), skipped.reason.c_str());
  }
  session.say("nothing in the way of running this plugin here");
}

}  // namespace

void add_plugin_commands(CLI::App& app, Session& session) {
  auto plugin = std::make_shared<std::string>();
  auto* kernels = app.add_subcommand("kernels", "List the kernels of a plugin");
  kernels->add_option("plugin", *plugin, "The .so file")->required()->type_name("PLUGIN");
  kernels->callback([&session, plugin] { list_kernels(session, *plugin); });
  auto* checks = app.add_subcommand("check", "Say whether a plugin can run here, and what it needs");
  checks->add_option("plugin", *plugin, "The .so file")->required()->type_name("PLUGIN");
  checks->callback([&session, plugin] { check(session, *plugin); });
}

}  // namespace jobhost::cli
