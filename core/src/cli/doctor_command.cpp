#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/program.hpp"
#include "cli/document.hpp"
#include "cli/session.hpp"
#include "worker/stage.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Finding {
  std::string what, state;  // "ok", "missing" or "broken"
  std::string detail, hint;
  bool needed = false;  // jobs cannot run without it
};

Finding program(const std::string& what, const std::string& name, const std::string& hint) {
  const std::string path = base::program_path(name);
  return {what, path.empty() ? "missing" : "ok", path.empty() ? name : path, hint, false};
}

Finding executor(const std::string& name) {
  const std::string path = Session::libexec() + "/" + name;
  const bool there = ::access(path.c_str(), X_OK) == 0;
  return {name, there ? "ok" : "missing", path, "install jobhost again: its parts stay together", true};
}

/// Tries to make a file there.
Finding writable(base::Env& env, const std::string& what, const std::string& folder, const std::string& hint) {
  std::string nearest = folder;
  while (!base::exists(env, nearest) && nearest.rfind('/') != 0) nearest = nearest.substr(0, nearest.rfind('/'));
  const std::string probe = nearest + "/.jobhost-" + base::random_hex(env, 4);
  try {
    base::write_file_atomically(env, probe, base::as_bytes("probe"), false);
    env.remove(probe);
    return {what, "ok", folder, "", true};
  } catch (const base::Error& error) {
    return {what, "broken", error.what(), hint, true};
  }
}

Finding code_cache(base::Env& env) {
  try {
    return writable(env, "code cache", worker::private_cache(env), "point XDG_CACHE_HOME elsewhere");
  } catch (const base::Error& error) {
    return {"code cache", "broken", error.what(), error.hint(), true};
  }
}

Finding limit(const std::string& what, __rlimit_resource resource, rlim_t least, const std::string& hint) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  const bool enough = limit.rlim_cur >= least;
  const std::string value = limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur);
  return {what, enough ? "ok" : "broken", value, hint, false};
}

void doctor(Session& session, bool json) {
  const std::vector<Finding> findings = {
      executor("jobhost-executor"),
      executor("jobhost-executor-tbb"),
      executor("jobhost-scan"),
      writable(session.env, "store", session.store().path(), "JOBHOST_STORE or --store names another directory"),
      code_cache(session.env),
      limit("processes", RLIMIT_NPROC, 64, "ulimit -u"),
      limit("open files", RLIMIT_NOFILE, 256, "ulimit -n 1024"),
      program("compiler", "g++", "to build plugins: apt-get install g++"),
      program("cmake", "cmake", "to build plugins by CMake: apt-get install cmake"),
      program("gdb", "gdb", "for replay --gdb: apt-get install gdb"),
      program("Slurm", "sbatch", "only on a cluster"),
      program("MPI", "mpirun", "only on a cluster"),
  };
  bool broken = false;
  Json list = Json::array();
  for (const auto& finding : findings) {
    const bool fine = finding.state == "ok";
    broken = broken || (finding.needed && !fine);
    list.push_back({{"what", finding.what},
                    {"state", finding.state},
                    {"detail", finding.detail},
                    {"hint", fine ? "" : finding.hint}});
    if (json) continue;
    std::printf("%-8s %-20s %s%s\n", finding.state.c_str(), finding.what.c_str(), finding.detail.c_str(),
                fine || finding.hint.empty() ? "" : ("   (" + finding.hint + ")").c_str());
  }
  if (broken) session.exit_code = static_cast<int>(base::ExitCode::kBackendFailed);
  if (json) return print_document({{"version", JOBHOST_VERSION}, {"fit", !broken}, {"findings", std::move(list)}});
  std::printf(broken ? "jobs cannot run here until what is broken or missing above is mended\n"
                     : "jobs can run here\n");
}

}  // namespace

void add_doctor_command(CLI::App& app, Session& session) {
  auto json = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("doctor", "Say what works here, and how to mend what does not");
  command->add_flag("--json", *json, "Print one JSON document");
  command->callback([&session, json] { doctor(session, *json); });
}

}  // namespace jobhost::cli
