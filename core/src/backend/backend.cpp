#include "backend/backend.hpp"

#include <algorithm>

#include "backend/allocation.hpp"
#include "backend/launched.hpp"
#include "backend/local.hpp"
#include "backend/queue.hpp"
#include "backend/slurm.hpp"
#include "backend/template_queue.hpp"

namespace jobhost::backend {

const std::vector<std::string>& backend_names() {
  static const std::vector<std::string> names = {"processes", "threads", "slurm", "mpi", "template"};
  return names;
}

bool is_local(const std::string& name) { return name == "processes" || name == "threads"; }

std::unique_ptr<Queue> make_queue(base::Env& env, const Choice& choice, const std::string& job_directory) {
  if (choice.name == "slurm") return make_slurm(env, choice, job_directory);
  if (choice.name == "template") return make_template_queue(choice, job_directory);
  return nullptr;
}

std::unique_ptr<Backend> make_backend(base::Env& env, const Choice& choice, bool detached,
                                      const RunWorker& run_worker) {
  if (is_local(choice.name)) return make_local(env, choice.name, detached, run_worker);
  if (choice.name == "mpi") return make_launched(env, mpi_launcher(env, choice), detached);
  // An allocation ends with what it was made for: what is to outlive this process is submitted there, too.
  if (choice.name == "slurm" && !detached && in_allocation()) {
    return make_launched(env, srun_launcher(env, choice), detached);
  }
  return make_queued(env, choice);
}

std::string shell_word(const std::string& word) {
  constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@%+";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char letter : word) quoted += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return quoted + "'";
}

}  // namespace jobhost::backend
