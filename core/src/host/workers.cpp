#include "host/workers.hpp"

#include "base/error.hpp"

namespace jobhost::host {
namespace {

constexpr std::uint64_t kBeatNs = 1'000'000'000;

}  // namespace

Workers::Workers(base::Env& env, const Job& job, const std::string& program, const std::string& backend, unsigned lanes,
                 int mailbox_fd)
    : env_(env), ownership_(env, job), backend_(backend::make_local(env, backend, false)) {
  env.remove(job.directory.cancel());
  backend_->start({program, job.directory.path(), job.manifest_sha256, bell_.fd(), mailbox_fd}, lanes);
}

bool Workers::running(std::uint64_t progress) {
  const std::uint64_t now = env_.monotonic_ns();
  if (now - last_beat_ >= kBeatNs) {
    last_beat_ = now;
    ownership_.beat();
  }
  throw_complaint();
  try {
    return backend_->look(progress).running > 0;
  } catch (const base::Error&) {
    throw_complaint();  // the worker's own words say more than its exit code
    throw;
  }
}

void Workers::throw_complaint() const {
  const auto [code, message] = bell_.complaint();
  if (code == 0) return;
  const std::size_t end = message.find('\n');
  throw base::Error(static_cast<base::ExitCode>(code), message.substr(0, end),
                    end == std::string::npos ? "" : message.substr(end + 1));
}

}  // namespace jobhost::host
