#include "cli/cancellation.hpp"

#include "backend/backend.hpp"
#include "base/file.hpp"
#include "cli/job_names.hpp"

namespace jobhost::cli {

std::vector<std::string> cancel_job(base::Env& env, const host::Job& job, bool now) {
  if (job.directory.is_done(env)) return {"job " + job.manifest.job + " is already done"};
  std::vector<std::string> sentences;
  now = now || job.directory.is_cancelled(env);
  base::write_file_atomically(env, job.directory.cancel(), {}, false);
  if (now) base::write_file_atomically(env, job.directory.cancel_now(), {}, false);
  if (const std::string trouble = backend::withdraw(env, job.directory.path(), now); !trouble.empty()) {
    sentences.push_back("note: what waits in a queue was not taken out (" + trouble +
                        "): it ends as soon as it begins");
  }
  const bool running = works(state_of(env, job));
  sentences.push_back((running ? "cancelling job " : "cancelled job ") + job.manifest.job +
                      (!running ? ": no worker runs it"
                       : now
                           ? ": running tasks are ended, too; resume runs them again"
                           : ": running tasks are finished, nothing new is started; to stop them now: jobhost cancel " +
                                 job.called + " --now"));
  return sentences;
}

}  // namespace jobhost::cli
