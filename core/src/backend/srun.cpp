#include <unistd.h>

#include <cstdlib>
#include <set>

#include "backend/allocation.hpp"
#include "backend/launched.hpp"
#include "backend/queue.hpp"
#include "backend/worker_words.hpp"
#include "base/error.hpp"
#include "base/program.hpp"

namespace jobhost::backend {
namespace {

/// Of Slurm's own variables: the others describe the allocation and would be taken for options.
bool is_for_srun(const std::string& variable) {
  static const std::set<std::string> kKept = {"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT"};
  const std::string name = variable.substr(0, variable.find('='));
  if (kKept.contains(name)) return true;
  for (const char* prefix : {"SLURM_", "SRUN_", "PMI"}) {
    if (name.starts_with(prefix)) return false;
  }
  return true;
}

}  // namespace

Launcher srun_launcher(base::Env& env, const Choice& choice) {
  static const std::set<std::string> kOurs = {"jobid", "overlap", "exact", "kill-on-bad-exit", "no-kill",
                                              "mpi",   "label",   "pty",   "multi-prog"};
  const auto options = make_queue(env, choice, choice.name);  // checks them
  Launcher launcher{"slurm",
                    base::find_program("srun", "Slurm's clients are not in PATH, although this is a Slurm allocation"),
                    {"--jobid=" + std::string(std::getenv("SLURM_JOB_ID")),
                     // Workers may use all of it at the same time as the script that started this process, and one
                     // that fails or a node that is lost costs no other.
                     "--overlap", "--kill-on-bad-exit=0", "--no-kill", "--wait=0", "--mpi=none", "--job-name=jobhost"},
                    "--ntasks",
                    options->lanes_per_worker(),
                    {}};
  bool lanes_given = false;
  for (const auto& option : choice.options) {
    const std::string key = option.substr(0, option.find('='));
    if (kOurs.contains(key)) {
      throw base::Error(base::ExitCode::kUsage, "--slurm " + option + ": jobhost sets this itself",
                        "this is inside of an allocation, and workers are started by srun");
    }
    lanes_given |= key == "cpus-per-task";
    launcher.arguments.push_back("--" + option);
  }
  if (!lanes_given) {
    launcher.lanes_per_worker = allocated_lanes_per_task();
    launcher.arguments.push_back("--cpus-per-task=" + std::to_string(launcher.lanes_per_worker));
  }
  std::string exported;
  for (const char* name : kPassedOn) {
    if (std::getenv(name)) exported += (exported.empty() ? "" : ",") + std::string(name);
  }
  launcher.arguments.push_back("--export=" + (exported.empty() ? "NIL" : exported));
  for (auto& variable : environment_of_starter()) {
    if (is_for_srun(variable)) launcher.environment.push_back(std::move(variable));
  }
  launcher.options = choice.options;
  return launcher;
}

}  // namespace jobhost::backend
