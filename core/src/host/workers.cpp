#include "host/workers.hpp"

#include "base/error.hpp"
#include "context/process.hpp"

namespace jobhost::host {

unsigned default_lanes() { return context::usable_processors(); }

HeadStart::HeadStart(base::Env& env, const std::string& program, const backend::Choice& choice, unsigned lanes,
                     const backend::RunWorker& run_worker, int mailbox_fd)
    : backend_(backend::make_backend(env, choice, false, run_worker)),
      command_{program, "", "", bell_.fd(), mailbox_fd, context::own_arguments()},
      lanes_(lanes) {}

Workers::Workers(base::Env& env, const Job& job, Ownership ownership, std::unique_ptr<HeadStart> workers)
    : ownership_(std::move(ownership)), workers_(std::move(workers)) {
  env.remove(job.directory.cancel_now());
  env.remove(job.directory.cancel());
  env.remove(job.directory.done());  // a power cut left it: there is work to do
  backend::WorkerCommand command = workers_->command_;
  command.job_directory = job.directory.path();
  command.manifest_sha256 = job.manifest_sha256;
  command.lease_ns = job.manifest.lease_ms * 1'000'000;
  workers_->backend_->start(command, workers_->lanes_);
}

bool Workers::running(std::uint64_t progress) {
  ownership_.keep();
  throw_complaint();
  try {
    status_ = workers_->backend_->look(progress);
    return status_.running > 0;
  } catch (const base::Error&) {
    throw_complaint();  // the worker's own words say more than its exit code
    throw;
  }
}

void Workers::throw_complaint() const {
  const auto [code, message] = workers_->bell_.complaint();
  if (code == 0) return;
  const std::size_t end = message.find('\n');
  throw base::Error(static_cast<base::ExitCode>(code), message.substr(0, end),
                    end == std::string::npos ? "" : message.substr(end + 1));
}

}  // namespace jobhost::host
