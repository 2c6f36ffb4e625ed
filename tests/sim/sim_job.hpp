#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/result_stream.hpp"
#include "sim/sim_env.hpp"
#include "store/job_sync.hpp"
#include "store/log_writer.hpp"
#include "worker/claim_source.hpp"

namespace jobhost::test {

/// A job of `tasks` tasks whose results everybody knows: some fail, the others give 8 bytes, or as many as they like.
host::Job simulated_job(std::uint64_t tasks, std::uint64_t claim, bool varying);

/// The result of a task that does not fail.
base::Bytes result_of(const host::Job& job, std::uint64_t task);
bool fails(std::uint64_t task);

/// Takes what the stream has, which must be the tasks from `next` on, with the right results; the task after them.
std::uint64_t take_results(host::ResultStream& stream, const host::Job& job, std::uint64_t next);

/// Text and content of a process's identity on a machine; `pid` of a process there.
store::Identity simulated_identity(SimWorld& world, const SimMachine& machine, const std::string& role, int pid);

/// A supervisor and its only lane, step by step, on the protocol's real code.
class SimWorker {
 public:
  /// What happens in a worker, for those who judge it.
  struct Judge {
    std::function<void(const SimWorker&, const worker::WorkSource::Work&)> claimed = nullptr;
    std::function<void(std::uint64_t task)> executed = nullptr;
    std::function<void(std::uint64_t first, std::uint64_t count)> committed = nullptr;
  };
  enum class Step { kStarted, kWorked, kIdle, kDone };

  /// Everything outlives it.
  SimWorker(base::Env& env, const host::Job& job, store::Identity self, const Judge& judge);

  /// Does the next thing: starts, takes a claim, runs up to `batch` of its tasks, or ends when all is done. Throws
  /// base::Error as a supervisor does.
  Step step(std::uint64_t batch);
  /// What a worker does every half a second when results are to survive power cuts, except for the last second.
  void sync();
  void leave();
  const store::Identity& self() const { return self_; }
  std::uint64_t claims() const { return claims_; }  // so far
  bool busy() const { return claim_.has_value(); }

 private:
  void beat();
  void run_some(std::uint64_t batch);
  void finish_claim();
  store::LogWriter& log(std::unique_ptr<store::LogWriter>& log, std::uint32_t lane);

  base::Env& env_;
  const host::Job& job_;
  store::Identity self_;
  const Judge& judge_;
  std::unique_ptr<store::Party> party_;
  std::unique_ptr<worker::ClaimSource> source_;
  std::unique_ptr<store::LogWriter> lane_log_, own_log_;
  std::unique_ptr<store::LogSync> log_sync_;
  std::optional<worker::WorkSource::Work> claim_;
  std::size_t piece_ = 0;  // of what is missing of the claim
  bool count_in_logs_ = false;
  std::uint64_t failed_ = 0;  // of the claim
  std::uint64_t claims_ = 0, last_beat_ = 0;
};

}  // namespace jobhost::test
