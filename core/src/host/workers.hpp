#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "backend/backend.hpp"
#include "host/ownership.hpp"
#include "store/doorbell.hpp"

namespace jobhost::host {

/// Lanes where nobody says how many: one per processor that this process may use.
unsigned default_lanes();

/// Workers without a job, or before it: started ahead so that they are there when it is.
class HeadStart {
 public:
  /// Starts nothing yet. `program` is jobhost itself, `run_worker` as for make_backend, `mailbox_fd` an open job's.
  HeadStart(base::Env& env, const std::string& program, const backend::Choice& choice, unsigned lanes,
            const backend::RunWorker& run_worker = nullptr, int mailbox_fd = -1);
  /// Starts what needs no job. It ends with this object when no job comes.
  void go() { backend_->prepare(command_, lanes_); }

 private:
  friend class Workers;
  store::Doorbell bell_;
  std::unique_ptr<backend::Backend> backend_;
  backend::WorkerCommand command_;
  unsigned lanes_;
};

/// How long to wait before a job directory is looked at again for which nothing rings: its file system pays for it.
class PollPause {
 public:
  /// `fresh`: the last look found something. Else a little longer each time: about an eighth of how long nothing came.
  std::uint64_t next_ns(bool fresh) {
    return pause_ns_ = fresh ? kLeastNs : std::min(pause_ns_ + pause_ns_ / 8, kMostNs);
  }

 private:
  static constexpr std::uint64_t kLeastNs = 50'000'000, kMostNs = 1'000'000'000;
  std::uint64_t pause_ns_ = kLeastNs;
};

/// The host's side of a running job: the right to run it, and the workers that were started for it.
class Workers {
 public:
  /// Gives the job to workers, which may have had a head start. Throws as Backend::start does.
  Workers(base::Env& env, const Job& job, Ownership ownership, std::unique_ptr<HeadStart> workers);
  /// The same for a job that nobody else knows of.
  Workers(base::Env& env, const Job& job, std::unique_ptr<HeadStart> workers)
      : Workers(env, job, Ownership(env, job), std::move(workers)) {}

  /// Call often: keeps the ownership, looks after the workers, and says whether any runs; `progress` as for
  /// Backend::look. Throws what a worker complained of, or that workers cannot go on.
  bool running(std::uint64_t progress);
  /// Whether they are on this machine, and ring the bell.
  bool local() const { return backend::is_local(workers_->backend_->name()); }
  /// As it was then.
  const backend::Status& status() const { return status_; }
  Ownership& ownership() { return ownership_; }
  /// Throws a worker's last words, if there are any.
  void throw_complaint() const;
  void stop(bool now) { workers_->backend_->stop(now); }
  bool go_on_alone() const { return workers_->backend_->go_on_alone(); }
  store::Doorbell& bell() { return workers_->bell_; }

 private:
  Ownership ownership_;
  std::unique_ptr<HeadStart> workers_;
  backend::Status status_;
};

}  // namespace jobhost::host
