#pragma once

#include <string>
#include <vector>

#include "build/plugin_builder.hpp"
#include "cli/session.hpp"

/// From what users name to a plugin: a .so file, or a source file that is built first.
namespace jobhost::cli {

struct BuildOptions {
  std::vector<std::string> flags;  // each a line of words
  std::vector<std::string> link;
  std::vector<std::string> globals;  // to declare
  friend bool operator==(const BuildOptions&, const BuildOptions&) = default;
};

/// Adds --cxxflags, --link and --global.
void add_build_options(CLI::App& command, BuildOptions& options);

/// Those that a command line has.
BuildOptions build_options_in(const std::vector<std::string>& command);

/// The plugin: `path` itself, or what is built from it. Throws Error(kPluginRefused) when it does not build.
std::string plugin_of(Session& session, const std::string& path, const BuildOptions& options);

/// What there is in a plugin, or could be made of a source file without building it.
build::Names names_in_code(Session& session, const std::string& path);

/// The plugin whose kernel `expression` computes the expression.
std::string plugin_of_expression(Session& session, const std::string& expression, const BuildOptions& options);

}  // namespace jobhost::cli
