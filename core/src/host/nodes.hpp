#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/refusals.hpp"
#include "host/result_stream.hpp"

/// Who worked on a job where, as far as identities, heartbeats, logs and refusals tell.
namespace jobhost::host {

/// Silent: one of another machine whose heartbeat has stood still for the lease, by the clock of the file system.
enum class WorkerState { kRunning, kSilent, kEnded };

struct WorkerRecord {
  std::string id;
  int pid = 0;
  WorkerState state = WorkerState::kEnded;
  unsigned lanes = 0;         // 0: it had no log yet
  LogTally done = {};         // by all its lanes
  std::uint64_t seen_ns = 0;  // its last heartbeat, by the clock of the file system; 0: none
  std::optional<double> tasks_per_second() const;
};

/// A machine: a host name and a boot id.
struct Node {
  std::string hostname, boot;
  std::vector<WorkerRecord> workers = {};  // those that left a refusal and nothing else are only counted there
  std::optional<Refusals> refusals = std::nullopt;

  std::uint64_t workers_in(WorkerState state) const;
  unsigned lanes() const;  // of the workers that run, or of all where none does
  std::uint64_t tasks() const;
  std::uint64_t failed() const;
  std::uint64_t seen_ns() const;
  /// While any of its workers had tasks. Nothing where no task took any time.
  std::optional<double> tasks_per_second() const;
};

/// All machines, by name. `stream` has read the logs.
std::vector<Node> nodes_of(base::Env& env, const Job& job, const ResultStream& stream);

}  // namespace jobhost::host
