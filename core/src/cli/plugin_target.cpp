#include "cli/plugin_target.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "build/plugin_builder.hpp"
#include "cli/signals.hpp"
#include "plugin/inspect.hpp"
#include "worker/stage.hpp"

namespace jobhost::cli {
namespace {

/// The scanner and the headers are where they were installed with this program.
build::Toolchain toolchain(Session& session) {
  return {Session::libexec() + "/jobhost-scan", Session::include(), worker::private_cache(session.env) + "/build"};
}

std::string built(Session& session, const BuildOptions& options, build::Source source) {
  source.link = options.link;
  source.globals = options.globals;
  source.verbose = session.verbose;
  source.announced = ::isatty(2) == 1 && !session.quiet && !session.verbose;
  for (const auto& line : options.flags) {
    for (auto& word : build::split_words(line)) source.flags.push_back(std::move(word));
  }
  try {
    return build::build_plugin(session.env, toolchain(session), source);
  } catch (const base::Error&) {
    Signals::throw_if_asked("interrupted while building " + source.named);
    throw;
  }
}

}  // namespace

void add_build_options(CLI::App& command, BuildOptions& options) {
  const auto add = [&command](const char* name, std::vector<std::string>& words, const char* type, const char* what) {
    command.add_option(name, words, what)
        ->type_name(type)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Building a source file");
  };
  add("--cxxflags", options.flags, "FLAGS", "Flags for the compiler, as in --cxxflags='-O3 -march=native'");
  add("--link", options.link, "LIBRARY", "A library to link, as in --link gsl");
  add("--global", options.globals, "NAME", "A global variable whose value belongs to the calling context");
}

BuildOptions build_options_in(const std::vector<std::string>& command) {
  BuildOptions options;
  for (std::size_t i = 0; i < command.size(); ++i) {
    for (const auto& [name, words] :
         {std::pair{"--cxxflags", &options.flags}, {"--link", &options.link}, {"--global", &options.globals}}) {
      const std::string& word = command[i];
      if (word == name && i + 1 < command.size()) words->push_back(command[++i]);
      if (word.starts_with(std::string(name) + "=")) words->push_back(word.substr(std::strlen(name) + 1));
    }
  }
  return options;
}

std::string plugin_of(Session& session, const std::string& path, const BuildOptions& options) {
  if (!build::is_source(path)) {
    if (options == BuildOptions()) return path;
    throw base::Error(base::ExitCode::kUsage,
                      "'" + path + "' is built already: --cxxflags, --link and --global are for source files",
                      "in CMake, add_job_kernel(... GLOBALS ...) declares globals");
  }
  return built(session, options,
               {path, "'" + path + "'",
                "--cxxflags and --link, or a line '// jobhost: FLAGS' in the file, say how it is built"});
}

build::Names names_in_code(Session& session, const std::string& path) {
  if (build::is_source(path)) return build::names_in(session.env, toolchain(session), {path, "'" + path + "'", ""});
  build::Names names;
  const auto description = plugin::describe(session.env, path);
  for (const auto& kernel : description.kernels) {
    names.functions.push_back({kernel.name, {}});
    for (const auto& parameter : kernel.parameters) names.functions.back().parameters.push_back(parameter.name);
  }
  for (const auto& global : description.globals) names.variables.push_back(global.name);
  return names;
}

std::string plugin_of_expression(Session& session, const std::string& expression, const BuildOptions& options) {
  const bool power = expression.find('^') != std::string::npos;
  return built(
      session, options,
      {build::expression_source(session.env, toolchain(session), expression), "the expression '" + expression + "'",
       power ? "it is C++: write pow(x, 2) for x^2" : "it is C++, with the functions of <cmath>"});
}

}  // namespace jobhost::cli
