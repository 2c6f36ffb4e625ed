#include <unistd.h>

#include <cstdlib>
#include <set>

#include "backend/launched.hpp"
#include "backend/worker_words.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/program.hpp"

namespace jobhost::backend {
namespace {

constexpr std::uint64_t kAnswerNs = 20'000'000'000;
constexpr const char* kHint =
    "install openmpi-bin or mpich, load your cluster's module of MPI, or name its launcher: --mpi mpirun=PATH";

base::Error refusal(const std::string& option, const std::string& why) {
  return base::Error(base::ExitCode::kUsage, "--mpi " + option + ": " + why,
                     "write options of mpirun without their dashes, as in --mpi hostfile=nodes.txt");
}

std::string path_of(const std::string& launcher) {
  if (launcher.find('/') == std::string::npos) return base::find_program(launcher, kHint);
  const std::string path = base::absolute_path(launcher);
  if (::access(path.c_str(), X_OK) == 0) return path;
  throw base::Error(base::ExitCode::kBackendFailed, "'" + launcher + "' is no program that this user may run", kHint);
}

/// What Open MPI is to do where the user did not say otherwise; other implementations do so by themselves.
std::vector<std::string> environment() {
  std::vector<std::string> variables = environment_of_starter();
  const auto unless_set = [&](const std::string& name, const std::string& value) {
    if (!std::getenv(name.c_str())) variables.push_back(name + "=" + value);
  };
  // Who asks for more lanes than processors, or for lanes that move between processors, gets them here as elsewhere.
  unless_set("OMPI_MCA_rmaps_base_oversubscribe", "1");
  unless_set("OMPI_MCA_hwloc_base_binding_policy", "none");
  if (::geteuid() == 0) {  // jobhost runs as root already
    unless_set("OMPI_ALLOW_RUN_AS_ROOT", "1");
    unless_set("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
  }
  return variables;
}

/// Open MPI has options with two dashes but for single letters, all others (Hydra's descendants) have one.
bool has_long_options(base::Env& env, const std::string& launcher) {
  const auto end = base::run_program(env, {launcher, "--version"}, kAnswerNs);
  if (!end.succeeded()) {
    throw base::Error(base::ExitCode::kBackendFailed, "'" + launcher + "' is no launcher of MPI: " + end.why(), kHint);
  }
  return end.printed.find("OpenRTE") != std::string::npos || end.printed.find("Open MPI") != std::string::npos;
}

}  // namespace

Launcher mpi_launcher(base::Env& env, const Choice& choice) {
  static const std::set<std::string> kOurs = {"n", "np", "c", "version", "help"};
  std::string name = "mpirun";
  std::vector<std::pair<std::string, std::string>> options;
  for (const auto& option : choice.options) {
    const std::size_t equals = option.find('=');
    const std::string key = option.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    if (key.empty() || key[0] == '-' || key.find_first_of(" \t\n") != std::string::npos) {
      throw refusal(option, "that is no option of mpirun");
    }
    if (kOurs.contains(key)) throw refusal(option, "jobhost sets this itself; -j says how many ranks there are");
    if (key == "mpirun" && value.empty()) throw refusal(option, "that names no program");
    if (key == "mpirun") {
      name = value;
    } else {
      options.emplace_back(key, value);
    }
  }
  Launcher launcher{"mpi", path_of(name), {}, "-n", 1, environment(), choice.options};
  const bool long_options = !options.empty() && has_long_options(env, launcher.program);
  for (const auto& [key, value] : options) {
    launcher.arguments.push_back((long_options && key.size() > 1 ? "--" : "-") + key);
    if (!value.empty()) launcher.arguments.push_back(value);
  }
  return launcher;
}

}  // namespace jobhost::backend
