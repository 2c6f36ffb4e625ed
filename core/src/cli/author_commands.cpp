#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdio>

#include "base/error.hpp"
#include "base/file.hpp"
#include "build/plugin_builder.hpp"
#include "cli/one_line.hpp"
#include "cli/output_target.hpp"
#include "cli/plugin_target.hpp"
#include "cli/session.hpp"
#include "cli/signals.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::cli {
namespace {

struct AuthorOptions {
  std::string name, source, output;
  BuildOptions build;
};

constexpr std::uint64_t kCodeLimit = 4ULL << 30;

/// A folder with one source and three lines of CMake.
void scaffold(Session& session, const std::string& name) {
  const bool fine =
      !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
  if (!fine) {
    throw base::Error(base::ExitCode::kUsage, "'" + name + "' cannot be the name of a project",
                      "use letters, digits and underscores");
  }
  if (base::exists(session.env, name)) throw base::Error(base::ExitCode::kUsage, "'" + name + "' exists already");
  const std::string source =
      "// One task is one call of a function like this. Take and return what you like: numbers, texts, vectors, "
      "structs.\n"
      "#include <cmath>\n\n"
      "double " +
      name +
      "(double x, int n) {\n"
      "  double sum = 0;\n"
      "  for (int k = 1; k <= n; ++k) sum += std::sin(k * x) / k;\n"
      "  return sum;\n"
      "}\n";
  const std::string lists =
      "project(" + name + " CXX)\nfind_package(jobhost REQUIRED)\nadd_job_kernel(" + name + " " + name + ".cpp)\n";
  base::make_directories(session.env, name);
  base::write_file_atomically(session.env, name + "/" + name + ".cpp", base::as_bytes(source), false, 0644);
  base::write_file_atomically(session.env, name + "/CMakeLists.txt", base::as_bytes(lists), false, 0644);
  std::printf("%s/%s.cpp\n%s/CMakeLists.txt\n", name.c_str(), name.c_str(), name.c_str());
  session.say("try: jobhost run " + name + "/" + name + ".cpp:" + name + " x=0..6..0.1 n=20");
}

void build(Session& session, const AuthorOptions& options) {
  Signals::install();
  if (!build::is_source(options.source)) {
    throw base::Error(base::ExitCode::kUsage, "'" + options.source + "' is no C++ or C source",
                      "its name ends in .cpp, .cc, .cxx or .c");
  }
  if (!options.output.empty()) output_path(session.env, options.output);  // before there is something to write
  const std::string plugin = plugin_of(session, options.source, options.build);
  const std::string named = options.output.empty() ? plugin.substr(plugin.rfind('/') + 1) : options.output;
  const std::string output = output_path(session.env, named);
  base::write_file_atomically(session.env, output, base::read_file(session.env, plugin, kCodeLimit), false, 0755);
  const auto description = plugin::describe(session.env, output);
  std::printf("%s\n", named.c_str());
  for (const auto& skipped : description.skipped) {
    session.say("not a kernel: " + skipped.name + ": " + skipped.reason);
  }
  session.say(count_of(description.kernels.size(), "kernel") + "; see: jobhost kernels " +
              (named.find('/') == std::string::npos ? "./" : "") + named);
}

}  // namespace

void add_author_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<AuthorOptions>();
  auto* new_command = app.add_subcommand("new", "Begin a project: a folder with a source file and a CMakeLists.txt");
  new_command->add_option("name", options->name, "Name of folder, file and function")->required()->type_name("NAME");
  new_command->callback([&session, options] { scaffold(session, options->name); });
  auto* build_command = app.add_subcommand("build", "Make a plugin of a source file, without CMake");
  build_command->add_option("source", options->source, "A C++ or C file")->required()->type_name("FILE.cpp");
  build_command->add_option("-o,--output", options->output, "The plugin (default: FILE.so, here)")
      ->type_name("FILE.so");
  add_build_options(*build_command, options->build);
  build_command->callback([&session, options] { build(session, *options); });
}

}  // namespace jobhost::cli
