#include "host/nodes.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace jobhost::host {
namespace {

/// What the logs of one worker tell.
struct Logs {
  LogTally done;
  unsigned highest_lane = 0;
};

/// By worker. Names of logs are <worker>.<lane>.<generation>.
std::map<std::string, Logs> logs_of(const ResultStream& stream) {
  std::map<std::string, Logs> logs;
  stream.each_log([&](const std::string& path, const LogTally& tally) {
    const std::string name = path.substr(path.rfind('/') + 1);
    const std::size_t dot = name.find('.');
    Logs& of_worker = logs[name.substr(0, dot)];
    unsigned lane = 0;
    std::from_chars(name.data() + dot + 1, name.data() + name.size(), lane);
    of_worker.highest_lane = std::max(of_worker.highest_lane, lane);
    of_worker.done.tasks += tally.tasks;
    of_worker.done.failed += tally.failed;
    of_worker.done.begin_ns = std::min(of_worker.done.begin_ns, tally.begin_ns);
    of_worker.done.end_ns = std::max(of_worker.done.end_ns, tally.end_ns);
  });
  return logs;
}

std::optional<double> rate(std::uint64_t tasks, std::uint64_t nanoseconds) {
  if (nanoseconds == 0) return std::nullopt;
  return static_cast<double>(tasks) / (static_cast<double>(nanoseconds) * 1e-9);
}

WorkerState state_of(base::Env& env, const Job& job, const store::Identity& worker, const store::Identity& self,
                     std::uint64_t seen_ns) {
  const auto life = store::life_of(env, worker, self);
  if (life == store::Life::kDead || store::read_heartbeat(env, job.directory, worker.id).left != 0) {
    return WorkerState::kEnded;
  }
  if (life == store::Life::kAlive) return WorkerState::kRunning;
  const bool silent = seen_ns + job.manifest.lease_ms * 1'000'000 < env.wall_ns();
  return silent ? WorkerState::kSilent : WorkerState::kRunning;
}

}  // namespace

std::optional<double> WorkerRecord::tasks_per_second() const {
  return done.end_ns > done.begin_ns ? rate(done.tasks, done.end_ns - done.begin_ns) : std::nullopt;
}

std::uint64_t Node::workers_in(WorkerState state) const {
  return static_cast<std::uint64_t>(
      std::count_if(workers.begin(), workers.end(), [&](const auto& worker) { return worker.state == state; }));
}

unsigned Node::lanes() const {
  const bool any_runs = workers_in(WorkerState::kRunning) > 0;
  unsigned lanes = 0;
  for (const auto& worker : workers) lanes += !any_runs || worker.state == WorkerState::kRunning ? worker.lanes : 0;
  return lanes;
}

std::uint64_t Node::tasks() const {
  std::uint64_t tasks = 0;
  for (const auto& worker : workers) tasks += worker.done.tasks;
  return tasks;
}

std::uint64_t Node::failed() const {
  std::uint64_t failed = 0;
  for (const auto& worker : workers) failed += worker.done.failed;
  return failed;
}

std::uint64_t Node::seen_ns() const {
  std::uint64_t seen = 0;
  for (const auto& worker : workers) seen = std::max(seen, worker.seen_ns);
  return seen;
}

/// Time in which several of its workers had tasks counts once, and what lies between two attempts at the job not at
/// all.
std::optional<double> Node::tasks_per_second() const {
  std::vector<store::Interval> spans;
  for (const auto& worker : workers) {
    if (worker.done.end_ns > worker.done.begin_ns) spans.push_back({worker.done.begin_ns, worker.done.end_ns});
  }
  std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::uint64_t busy = 0, until = 0;
  for (const auto& span : spans) {
    if (span.end <= until) continue;
    busy += span.end - std::max(span.first, until);
    until = span.end;
  }
  return rate(tasks(), busy);
}

std::vector<Node> nodes_of(base::Env& env, const Job& job, const ResultStream& stream) {
  std::map<std::pair<std::string, std::string>, Node> nodes;
  const auto node = [&](const std::string& hostname, const std::string& boot) -> Node& {
    return nodes.try_emplace({hostname, boot}, Node{hostname, boot}).first->second;
  };
  const auto self = store::make_identity(env, "host");
  auto logs = logs_of(stream);
  for (const auto& party : store::all_parties(env, job.directory)) {
    if (party.role != "worker") continue;
    base::FileStatus beat;
    const std::string path = job.directory.workers() + "/" + party.id.substr(0, 2) + "/" + party.id + ".hb";
    const std::uint64_t seen = env.status(path, beat) < 0 ? 0 : static_cast<std::uint64_t>(beat.modified_ns);
    const Logs& of_worker = logs[party.id];
    // Two logs belong to none of its lanes: see docs/job_directory.md.
    const unsigned lanes = of_worker.highest_lane < 2 ? 0 : of_worker.highest_lane - 1;
    node(party.hostname, party.boot)
        .workers.push_back({party.id, party.pid, state_of(env, job, party, self, seen), lanes, of_worker.done, seen});
  }
  for (auto& refusals : refusals_of(env, job)) node(refusals.hostname, refusals.boot).refusals = std::move(refusals);
  std::vector<Node> all;
  for (auto& [key, one] : nodes) {
    std::sort(one.workers.begin(), one.workers.end(),
              [](const auto& a, const auto& b) { return std::pair(a.seen_ns, a.id) < std::pair(b.seen_ns, b.id); });
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace jobhost::host
