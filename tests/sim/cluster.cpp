/// Many workers and hosts on many machines share one job on a network file system that shows them what was long ago.
/// They are killed in the middle of any call, suspended for minutes and declared dead without a reason; their clocks
/// are wrong. Whatever happens, each task is yielded once, with the right result, and no claim or epoch has two owners.
#include <algorithm>
#include <queue>
#include <set>

#include "base/file.hpp"
#include "host/ownership.hpp"
#include "sim/campaign.hpp"
#include "sim/sim_job.hpp"

namespace jobhost::test {
namespace {

constexpr std::uint64_t kMilli = 1'000'000;
constexpr std::uint64_t kEnd = 1000 * kSecond + 14 * 24 * 3600 * kSecond;  // by then everything must be done
constexpr double kLies = 0.3;

class Cluster {
 public:
  Cluster(std::uint64_t seed, Counts& counts);
  void run();

 private:
  struct Event {
    std::uint64_t time, number;
    bool is_host;
    std::size_t who;
    bool operator>(const Event& other) const { return std::pair(time, number) > std::pair(other.time, other.number); }
  };
  struct Member {
    std::size_t machine = 0;
    int pid = 0;
    std::unique_ptr<SimEnv> env;
    std::unique_ptr<SimWorker> worker;
    std::uint64_t claims_wanted = UINT64_MAX, pace = 0;
  };
  struct Host {
    std::size_t machine = 0;
    int pid = 0;
    std::unique_ptr<SimEnv> env;
    std::unique_ptr<host::Ownership> ownership;
    std::unique_ptr<host::ResultStream> stream;
    std::uint64_t next = 0;  // task
  };

  std::uint64_t draw_workers(std::uint64_t seed);
  Caching draw_caching();
  void add_worker(std::uint64_t at);
  void add_host(std::uint64_t at);
  void at(std::uint64_t time, bool is_host, std::size_t who) { events_.push({time, events_made_++, is_host, who}); }
  void run_until(std::uint64_t time);
  void step(std::size_t who);
  void step_host(std::size_t who);
  void end(Member& member);
  void claimed(const SimWorker& worker, const worker::WorkSource::Work& work);
  void owned(const std::string& id);
  void judge();

  SimWorld world_;
  Counts& counts_;
  host::Job job_ = simulated_job(0, 1, false);
  std::vector<std::unique_ptr<SimMachine>> machines_;
  bool stale_ = false;
  std::vector<Member> members_;
  std::vector<Host> hosts_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t events_made_ = 0, alive_ = 0, at_least_ = 0, kills_left_ = 0, suspensions_left_ = 0;
  bool done_ = false;

  SimWorker::Judge judge_;
  std::vector<std::uint32_t> executions_;                   // by task
  std::vector<bool> committed_;                             // by task
  std::set<std::pair<std::uint64_t, std::uint32_t>> held_;  // claim and generation
  std::set<std::uint64_t> epochs_;
};

Cluster::Cluster(std::uint64_t seed, Counts& counts) : world_(seed, false), counts_(counts) {
  Dice& dice = world_.dice;
  const std::uint64_t workers = draw_workers(seed);
  const std::uint64_t claim = dice.between(1, 8);
  const std::uint64_t claims = std::max<std::uint64_t>(1, workers / 2 + dice.below(workers + 20));
  job_ = simulated_job(claims * claim - dice.below(claim), claim, dice.chance(0.3));
  job_.manifest.lease_ms = dice.chance(0.5) ? 10'000 : dice.between(1000, 60'000);
  executions_.resize(job_.manifest.tasks);
  committed_.resize(job_.manifest.tasks);
  stale_ = dice.chance(0.8);
  const std::uint64_t machines = dice.between(1, std::min<std::uint64_t>(workers, 40));
  for (std::uint64_t i = 0; i < machines; ++i) {
    machines_.push_back(std::make_unique<SimMachine>(world_, i, draw_caching()));
  }
  SimEnv env(world_, *machines_[0]);
  const auto& job = job_.directory;
  for (const auto& folder : {job.workers(), job.logs(), job.claims(), job.host()}) {
    base::make_directories(env, folder);
  }
  world_.now += 200 * kSecond;  // the job was submitted a while ago
  world_.reply_lost = dice.chance(0.5) ? 0.05 : 0;
  world_.short_read = dice.chance(0.3) ? 0.1 : 0;
  world_.heartbeat_lies = kLies;
  world_.write_fails = dice.chance(0.2) ? 0.0005 : 0;
  world_.sleep = [this](std::uint64_t duration) { run_until(world_.now + duration); };
  judge_.claimed = [this](const SimWorker& worker, const worker::WorkSource::Work& work) { claimed(worker, work); };
  judge_.executed = [this](std::uint64_t task) { ++executions_[task]; };
  judge_.committed = [this](std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t task = first; task < first + count; ++task) committed_[task] = true;
  };
  kills_left_ = dice.below(workers / 2 + 3);
  suspensions_left_ = dice.below(workers / 2 + 3);
  at_least_ = std::min<std::uint64_t>(workers, 2 + dice.below(4));
  for (std::uint64_t i = 0; i < workers; ++i) {
    add_worker(world_.now + dice.below(dice.chance(0.9) ? kSecond : 100 * kSecond));
    if (i >= at_least_ && dice.chance(0.95)) members_.back().claims_wanted = dice.between(1, 3);
  }
  for (std::uint64_t i = dice.between(1, 4); i > 0; --i) add_host(world_.now + dice.below(60 * kSecond));
  counts_["workers started at once"] += workers;
  ++counts_[workers == 1000  ? "seeds with 1000 workers"
            : workers >= 100 ? "seeds with 100 to 999 workers"
                             : "seeds with up to 99 workers"];
}

/// What a seed costs grows with the square of them.
std::uint64_t Cluster::draw_workers(std::uint64_t seed) {
  if (seed % 500 == 50) return 1000;
  if (seed % 50 == 7) return world_.dice.between(100, 300);
  return world_.dice.between(1, 30);
}

Caching Cluster::draw_caching() {
  Dice& dice = world_.dice;
  if (!stale_ || dice.chance(0.2)) return {};
  Caching caching;
  caching.attributes = dice.below(60 * kSecond);
  caching.absence = dice.below(60 * kSecond);
  caching.listings = dice.below(dice.chance(0.2) ? 60 * kSecond : 5 * kSecond);
  caching.flushing = dice.below(30 * kSecond);
  caching.open_revalidates = dice.chance(0.7);
  return caching;
}

void Cluster::add_worker(std::uint64_t time) {
  Member member;
  member.machine = world_.dice.below(machines_.size());
  member.pace = world_.dice.below(10) == 0 ? 30 * kSecond : 1 + world_.dice.below(kSecond);
  members_.push_back(std::move(member));
  ++alive_;
  at(time, false, members_.size() - 1);
}

void Cluster::add_host(std::uint64_t time) {
  Host host;
  host.machine = world_.dice.below(machines_.size());
  hosts_.push_back(std::move(host));
  at(time, true, hosts_.size() - 1);
}

void Cluster::run_until(std::uint64_t time) {
  while (!events_.empty() && events_.top().time <= time) {
    const Event event = events_.top();
    events_.pop();
    world_.now = std::max(world_.now, event.time);
    if (event.is_host) {
      step_host(event.who);
    } else {
      step(event.who);
    }
  }
  if (time != UINT64_MAX) world_.now = std::max(world_.now, time);
}

void Cluster::end(Member& member) {
  if (!member.env) return;
  member.worker.reset();
  member.env.reset();
  machines_[member.machine]->end_process(member.pid);
  --alive_;
  if (!done_ && alive_ < at_least_) add_worker(world_.now + world_.dice.below(30 * kSecond));
}

void Cluster::step(std::size_t who) {
  if (done_) return;
  require(world_.now < kEnd, "it does not come to an end");
  Dice& dice = world_.dice;
  SimMachine& machine = *machines_[members_[who].machine];
  if (!members_[who].env) {
    Member& fresh = members_[who];
    fresh.pid = machine.start_process();
    fresh.env = std::make_unique<SimEnv>(world_, machine);
    fresh.worker =
        std::make_unique<SimWorker>(*fresh.env, job_, simulated_identity(world_, machine, "worker", fresh.pid), judge_);
  }
  // Workers that are added meanwhile move the members.
  SimWorker& worker = *members_[who].worker;
  if (kills_left_ > 0 && dice.chance(0.05)) {
    --kills_left_;
    members_[who].env->kill_in(dice.between(1, 40));
  }
  try {
    const std::uint64_t batch = dice.between(1, 4), pace = members_[who].pace;
    switch (worker.step(batch)) {
      case SimWorker::Step::kDone:
        ++counts_["workers that saw everything done"];
        done_ = true;
        return end(members_[who]);
      case SimWorker::Step::kStarted:
        at(world_.now + dice.below(kSecond), false, who);
        return;
      case SimWorker::Step::kWorked:
        if (worker.claims() >= members_[who].claims_wanted && (!worker.busy() || dice.chance(0.1))) {
          if (worker.busy()) ++counts_["claims that were given up"];
          worker.leave();
          return end(members_[who]);
        }
        if (suspensions_left_ > 0 && dice.chance(0.05)) {
          --suspensions_left_;
          ++counts_["suspensions"];
          at(world_.now + dice.between(kSecond, 600 * kSecond), false, who);
          return;
        }
        at(world_.now + batch * pace, false, who);
        return;
      case SimWorker::Step::kIdle:
        if (members_[who].claims_wanted != UINT64_MAX && alive_ > at_least_) {
          worker.leave();
          return end(members_[who]);
        }
        at(world_.now + dice.between(100 * kMilli, 10 * kSecond), false, who);
        return;
    }
  } catch (const Killed&) {
    ++counts_["workers killed"];
    end(members_[who]);
  } catch (const base::Error& error) {
    require(error.code() == base::ExitCode::kBackendFailed && world_.failed_writes + world_.lost_replies > 0,
            std::string("a worker gave up: ") + error.what());
    ++counts_["workers that gave up"];
    end(members_[who]);
  }
}

void Cluster::step_host(std::size_t who) {
  if (done_) return;
  Dice& dice = world_.dice;
  if (!hosts_[who].env) {
    Host& fresh = hosts_[who];
    SimMachine& machine = *machines_[fresh.machine];
    fresh.pid = machine.start_process();
    fresh.env = std::make_unique<SimEnv>(world_, machine);
    if (dice.chance(0.3)) fresh.env->kill_in(dice.between(1, 200));
    const auto self = simulated_identity(world_, machine, "host", fresh.pid);
    SimEnv& env = *fresh.env;  // hosts that come meanwhile move this one
    try {
      auto ownership = std::make_unique<host::Ownership>(env, job_, self, false);
      owned(self.id);
      hosts_[who].ownership = std::move(ownership);
      hosts_[who].stream = std::make_unique<host::ResultStream>(env, job_);
    } catch (const Killed&) {
    } catch (const base::Error& error) {
      require(error.code() == base::ExitCode::kOwnedElsewhere || world_.failed_writes + world_.lost_replies > 0,
              std::string("a host gave up: ") + error.what());
      ++counts_[error.code() == base::ExitCode::kOwnedElsewhere ? "hosts that were told who owns the job"
                                                                : "hosts that gave up"];
    }
  }
  Host& host = hosts_[who];
  try {
    if (host.stream) {
      host.ownership->keep();
      host.stream->poll();
      host.next = take_results(*host.stream, job_, host.next);
      at(world_.now + dice.between(kSecond, (30 + members_.size()) * kSecond), true, who);
      if (!dice.chance(0.02)) return;
    }
  } catch (const Killed&) {
  } catch (const base::Error& error) {
    require(error.code() == base::ExitCode::kOwnedElsewhere || world_.failed_writes > 0,
            std::string("a host gave up: ") + error.what());
  }
  if (!host.env) return;
  ++counts_["hosts that ended"];
  host.stream.reset();
  host.ownership.reset();
  machines_[host.machine]->end_process(host.pid);
  if (hosts_.size() < 6) add_host(world_.now + dice.below(60 * kSecond));
}

/// The worker believes that a claim is its own: a name says so, and nobody believed the same before.
void Cluster::claimed(const SimWorker& worker, const worker::WorkSource::Work& work) {
  const std::string id = worker.self().id;
  const SimNode* const identity = world_.find(job_.directory.workers() + "/" + id.substr(0, 2) + "/" + id + ".0.id");
  const std::string claim =
      job_.directory.claims() + "/" + std::to_string(work.claim / 256) + "/" + std::to_string(work.claim) + ".";
  std::optional<std::uint32_t> own;
  std::uint32_t generation = 0;
  for (; const SimNode* const name = world_.find(claim + std::to_string(generation)); ++generation) {
    if (name == identity) own = generation;
  }
  require(own.has_value(), "claim " + std::to_string(work.claim) +
                               " is believed to be its own by a worker whose name no generation has");
  require(held_.emplace(work.claim, *own).second,
          "claim " + std::to_string(work.claim) + ", generation " + std::to_string(*own) + " is believed twice");
  ++counts_["claims"];
  if (*own > 0) ++counts_["takeovers"];
  if (stale_) return;
  for (const auto& piece : work.missing) {
    for (std::uint64_t task = piece.first; task < piece.end; ++task) {
      require(!committed_[task],
              "task " + std::to_string(task) + " runs again although its record is there to be seen");
    }
  }
}

void Cluster::owned(const std::string& id) {
  const SimNode* const identity = world_.find(job_.directory.workers() + "/" + id.substr(0, 2) + "/" + id + ".0.id");
  std::optional<std::uint64_t> own;
  std::uint64_t epoch = 0;
  for (; const SimNode* const name = world_.find(job_.directory.host() + "/owner." + std::to_string(epoch)); ++epoch) {
    if (name == identity) own = epoch;
  }
  require(own.has_value(), "a host believes to own the job, and no epoch is its own");
  require(epochs_.insert(*own).second, "epoch " + std::to_string(*own) + " has two owners");
  ++counts_["epochs"];
}

void Cluster::run() {
  run_until(UINT64_MAX);
  judge();
}

/// What somebody sees who comes when all is over, and how often tasks ran.
void Cluster::judge() {
  require(done_, "nobody works any more, and not everything is done");
  SimMachine machine(world_, machines_.size());
  SimEnv env(world_, machine);
  require(base::exists(env, job_.directory.done()), "there is no DONE");
  host::ResultStream stream(env, job_);
  stream.poll();
  require(take_results(stream, job_, 0) == job_.manifest.tasks, "not every task has a result");
  require(stream.finished() && !stream.next(), "more was yielded than there are tasks");
  std::uint64_t duplicates = 0;
  for (std::uint64_t task = 0; task < job_.manifest.tasks; ++task) {
    // Each holder of a claim runs a task of it once at most.
    std::uint32_t holders = 0;
    const std::uint64_t claim = task / job_.manifest.claim;
    for (auto held = held_.lower_bound({claim, 0}); held != held_.end() && held->first == claim; ++held) ++holders;
    require(executions_[task] <= holders, "task " + std::to_string(task) + " ran more often than its claim was taken");
    duplicates += executions_[task] - std::min<std::uint32_t>(executions_[task], 1);
  }
  counts_["tasks"] += job_.manifest.tasks;
  counts_["duplicate executions"] += duplicates;
  counts_["false verdicts that a party left"] += world_.lies;
  counts_["replies of link that were lost"] += world_.lost_replies;
  counts_["writes that failed"] += world_.failed_writes;
  counts_["calls"] += world_.calls;
}

}  // namespace
}  // namespace jobhost::test

int main(int argc, char** argv) {
  using namespace jobhost::test;
  const Counts least = {{"seeds with 1000 workers", 2},
                        {"seeds with 100 to 999 workers", 20},
                        {"takeovers", 5000},
                        {"claims that were given up", 300},
                        {"workers killed", 2000},
                        {"suspensions", 2000},
                        {"false verdicts that a party left", 10'000},
                        {"epochs", 1000},
                        {"replies of link that were lost", 500}};
  return run_campaign(
      argc, argv, "simulated cluster", 100, [](std::uint64_t seed, Counts& counts) { Cluster(seed, counts).run(); },
      least);
}
