#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.hpp"

namespace jobhost::backend {

/// What a queueing system says of one job's workers.
struct QueueAnswer {
  unsigned running = 0, waiting = 0;
  std::string reason = {};                        // why most of those that wait do, "" unknown
  std::map<std::string, unsigned> ended = {};     // how workers ended, in the system's words, as far as it still knows
  std::map<std::string, std::string> blind = {};  // workers that did not see the job's directory, and their nodes

  std::set<std::string> blind_nodes() const {
    std::set<std::string> nodes;
    for (const auto& [worker, node] : blind) nodes.insert(node);
    return nodes;
  }
};

/// A queueing system as one job sees it.
class Queue {
 public:
  virtual ~Queue() = default;
  /// For sentences.
  virtual std::string name() const = 0;
  /// Lanes of one worker.
  virtual unsigned lanes_per_worker() const = 0;
  /// Workers that one submission may ask for. May ask the system.
  virtual unsigned most_at_once() = 0;
  /// The script that starts so many workers.
  virtual std::string script(const WorkerCommand& command, unsigned workers) const = 0;
  /// What submits the file with the script for so many workers.
  virtual std::vector<std::string> submission(const std::string& file, unsigned workers) const = 0;
  /// What the system calls the submission, by what it printed; "" where that is not needed to ask for its workers.
  virtual std::string id_of(const std::string& printed) const = 0;
  /// Whether the system takes no more now, by what it complained of. Other refusals are for good.
  virtual bool is_full(const std::string& complaints) const = 0;
  /// What asks for all the job's workers, of submissions with these ids, at once; answer() understands what it prints.
  virtual std::vector<std::string> question(const std::vector<std::string>& ids) const = 0;
  virtual QueueAnswer answer(const std::string& printed) const = 0;
  /// What tells of workers that question() no longer knows: commands, the first of which that succeeds is understood by
  /// recorded(). None where nothing is known to keep such records.
  virtual std::vector<std::vector<std::string>> records() const { return {}; }
  virtual QueueAnswer recorded(const std::string&) const { return {}; }
  /// What takes the job's workers out of the queue; `waiting_only`: not those that run. Nothing where the system cannot
  /// tell them apart: those that wait are then taken out when no other is left.
  virtual std::vector<std::string> withdrawal(const std::vector<std::string>& ids, bool waiting_only) const = 0;
  /// Whether workers that ended in this way may come again.
  virtual bool was_accident(const std::string& how_it_ended) const = 0;
  /// Whether it says that they ended with another exit code than 0.
  virtual bool has_failed(const std::string&) const { return false; }
  /// Keeps workers of later submissions off a node; false where the system cannot be told.
  virtual bool avoid(const std::string&) { return false; }
};

/// The queue of a backend's choice as the job sees it whose directory has this path; null when it has none.
std::unique_ptr<Queue> make_queue(base::Env& env, const Choice& choice, const std::string& job_directory);

/// What the queue that a job's workers were submitted to says of them.
struct QueueState {
  std::string backend;
  QueueAnswer answer;
  std::string silence = {};  // why there is no answer
};
/// Nothing when no worker was ever submitted. Waits for an answer for a few seconds.
std::optional<QueueState> ask_queue(base::Env& env, const std::string& job_directory);

/// Starts workers through a queue: they come when it pleases, go on when this process ends, and are known by the job
/// directory alone.
std::unique_ptr<Backend> make_queued(base::Env& env, const Choice& choice);

}  // namespace jobhost::backend
