#pragma once

#include <memory>
#include <string>

#include "backend/backend.hpp"
#include "host/ownership.hpp"
#include "store/doorbell.hpp"

namespace jobhost::host {

/// The host's side of a running job: the right to run it, and the workers that were started for it.
class Workers {
 public:
  /// Claims the job and starts workers with `lanes` lanes in all; `program` is jobhost itself, `mailbox_fd` an open
  /// job's. Throws as Ownership and Backend::start do.
  Workers(base::Env& env, const Job& job, const std::string& program, const std::string& backend, unsigned lanes,
          int mailbox_fd = -1);

  /// Call often: keeps the ownership, looks after the workers, and says whether any runs; `progress` as for
  /// Backend::look. Throws what a worker complained of, or that workers cannot go on.
  bool running(std::uint64_t progress);
  /// Throws a worker's last words, if there are any.
  void throw_complaint() const;
  void stop(bool now) { backend_->stop(now); }
  store::Doorbell& bell() { return bell_; }

 private:
  base::Env& env_;
  Ownership ownership_;
  store::Doorbell bell_;
  std::unique_ptr<backend::Backend> backend_;
  std::uint64_t last_beat_ = 0;
};

}  // namespace jobhost::host
