/// A machine loses its power again and again while a job is submitted, computed and resumed; what was not synced is
/// kept or lost piece by piece. No wrong result is accepted, and what the sync policy promises to survive is there.
#include <fcntl.h>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "host/ownership.hpp"
#include "sim/campaign.hpp"
#include "sim/sim_job.hpp"

namespace jobhost::test {
namespace {

constexpr std::uint64_t kMilli = 1'000'000;
constexpr std::uint64_t kSyncPeriod = 500 * kMilli;
constexpr const char* kCode = "/store/job/blob/code";
constexpr const char* kInputs = "/store/job/inputs/0000";

/// The job cannot be used, and says so: allowed where nothing was promised.
struct Refused {};

class PowerCuts {
 public:
  PowerCuts(std::uint64_t seed, Counts& counts);
  void run();

 private:
  struct Commit {
    std::uint64_t time, first, count;
  };
  struct Member {
    std::unique_ptr<SimWorker> worker;
    std::size_t number = 0;
    std::uint64_t synced = 0;
  };

  bool promises() const { return policy_ != base::SyncPolicy::kProcess; }
  /// After a failed sync the disk keeps no promises, not even to others who sync the same directory later.
  bool disk_is_sound() const { return world_.failed_syncs == 0; }
  void submit();
  void check_parts();
  void check_promises();
  void compute();
  bool work();
  void lose_power();

  SimWorld world_;
  Counts& counts_;
  SimMachine machine_;
  SimEnv env_;
  base::SyncPolicy policy_;
  host::Job job_;
  base::Bytes manifest_, code_, inputs_;
  bool submitted_ = false, done_ = false;  // and that survives
  std::uint64_t cuts_left_;
  SimWorker::Judge judge_;
  std::vector<Commit> commits_;
  store::IntervalSet promised_;
  std::size_t stepping_ = 0;  // the worker that does
  std::string gave_up_;       // why the last worker did
};

PowerCuts::PowerCuts(std::uint64_t seed, Counts& counts)
    : world_(seed, true),
      counts_(counts),
      machine_(world_, 0),
      env_(world_, machine_),
      policy_(static_cast<base::SyncPolicy>(world_.dice.below(3))),
      job_(simulated_job(world_.dice.between(1, 60), world_.dice.between(1, 8), world_.dice.chance(0.5))),
      cuts_left_(world_.dice.between(1, 5)) {
  job_.manifest.sync = policy_;
  for (auto* bytes : {&manifest_, &code_, &inputs_}) {
    bytes->resize(world_.dice.between(1, 9000));
    for (auto& byte : *bytes) byte = static_cast<unsigned char>(world_.dice.next() | 1);
  }
  job_.manifest_sha256 = base::sha256_hex(manifest_);
  judge_.committed = [this](std::uint64_t first, std::uint64_t count) {
    commits_.push_back({world_.now, first, count});
    if (policy_ == base::SyncPolicy::kStrict && disk_is_sound()) promised_.add({first, first + count});
  };
  ++counts_[std::string("seeds with ") + base::word_of(policy_)];
}

/// In the order in which a submission writes.
void PowerCuts::submit() {
  base::make_directories(env_, "/store/job");
  const auto& job = job_.directory;
  for (const auto& folder : {job.blobs(), job.inputs(), job.workers(), job.logs(), job.claims(), job.host()}) {
    base::make_directories(env_, folder);
  }
  base::write_file_atomically(env_, kInputs, inputs_, false);
  base::write_file_atomically(env_, kCode, code_, false);
  if (policy_ == base::SyncPolicy::kStrict) store::sync_code_and_inputs(env_, job);
  base::write_file_atomically(env_, job.manifest(), manifest_, false, 0400);
  if (policy_ == base::SyncPolicy::kStrict) store::sync_manifest(env_, job);
  submitted_ = policy_ == base::SyncPolicy::kStrict && disk_is_sound();
}

/// Digests tell whether all is there that workers need.
void PowerCuts::check_parts() {
  const std::pair<std::string, const base::Bytes*> parts[] = {
      {job_.directory.manifest(), &manifest_}, {kCode, &code_}, {kInputs, &inputs_}};
  for (const auto& [path, bytes] : parts) {
    const bool whole = base::exists(env_, path) && base::read_file(env_, path, 1 << 20) == *bytes;
    if (whole) continue;
    require(!submitted_, path + " did not survive");
    const bool is_job = base::exists(env_, job_.directory.manifest());
    require(policy_ != base::SyncPolicy::kStrict || !is_job || path == job_.directory.manifest(),
            path + " did not survive, and MANIFEST did");
    throw Refused();
  }
}

/// All that was promised is in the logs, and right.
void PowerCuts::check_promises() {
  host::ResultStream stream(env_, job_);
  stream.poll();
  for (const auto& gap : stream.seen().missing({0, job_.manifest.tasks})) {
    require(promised_.missing(gap) == std::vector{gap},
            std::string("results that were committed are gone with ") + base::word_of(policy_));
  }
  take_results(stream, job_, 0);
  if (done_) require(base::exists(env_, job_.directory.done()), "DONE was said, and is gone");
}

/// False when all workers gave up.
bool PowerCuts::work() {
  std::vector<Member> members(world_.dice.between(1, 4));
  for (auto& member : members) {
    member.worker = std::make_unique<SimWorker>(
        env_, job_, simulated_identity(world_, machine_, "worker", machine_.start_process()), judge_);
    member.number = static_cast<std::size_t>(&member - members.data());
  }
  for (std::uint64_t steps = 0; !members.empty(); ++steps) {
    require(steps < 100'000, "it does not come to an end");
    Member& member = members[world_.dice.below(members.size())];
    stepping_ = member.number;
    try {
      const auto step = member.worker->step(world_.dice.between(1, 5));
      if (step == SimWorker::Step::kDone) {
        done_ = promises() && disk_is_sound();
        if (done_ && policy_ == base::SyncPolicy::kStrict) promised_.add({0, job_.manifest.tasks});
        return true;
      }
      world_.now += world_.dice.between(1, 150) * kMilli;
      for (auto& each : members) {
        stepping_ = each.number;
        if (policy_ != base::SyncPolicy::kBatch || world_.now - each.synced < kSyncPeriod) continue;
        each.synced = world_.now;
        each.worker->sync();
        submitted_ = submitted_ || disk_is_sound();
      }
    } catch (const base::Error& error) {
      require(world_.failed_syncs > 0, std::string("a worker gave up: ") + error.what());
      ++counts_["workers that gave up"];
      gave_up_ = error.what();
      std::erase_if(members, [this](const Member& each) {
        if (each.number != stepping_) return false;
        machine_.end_process(each.worker->self().pid);
        return true;
      });
    }
  }
  return false;
}

/// One `resume`, to its end or until the power fails.
void PowerCuts::compute() {
  check_parts();
  check_promises();
  if (cuts_left_ > 0) world_.lose_power_in(world_.dice.between(1, world_.dice.chance(0.3) ? 60 : 1500));
  std::uint64_t hosts = 0;
  for (bool finished = false; !finished;) {
    require(++hosts < 1000, "each host's workers give up: " + gave_up_);
    const int pid = machine_.start_process();
    {
      const host::Ownership ownership(env_, job_, simulated_identity(world_, machine_, "host", pid), false);
      finished = work();
    }
    if (world_.dark()) throw PowerLost();  // while it left, which no destructor can say
    machine_.end_process(pid);
    world_.sync_fails = 0;  // somebody mended the disk
  }
}

void PowerCuts::lose_power() {
  ++counts_["power cuts"];
  for (const Commit& commit : commits_) {
    if (policy_ != base::SyncPolicy::kBatch || !disk_is_sound() || commit.time + kSecond > world_.now) continue;
    promised_.add({commit.first, commit.first + commit.count});
  }
  commits_.clear();
  world_.lose_power();
  machine_.reboot();
  world_.now += 60 * kSecond;
  if (cuts_left_ > 0) --cuts_left_;
}

void PowerCuts::run() {
  SimEnv setup(world_, machine_);
  base::make_directories(setup, "/store");
  world_.sync_all();
  if (world_.dice.chance(0.2)) world_.lose_power_in(world_.dice.between(1, 60));
  world_.sync_fails = world_.dice.chance(0.2) ? 0.02 : 0;
  try {
    try {
      submit();
      world_.lose_power_in(0);
    } catch (const base::Error&) {
      require(world_.failed_syncs > 0, "a submission failed without a reason");
      return;
    }
  } catch (const PowerLost&) {
    lose_power();
  }
  for (;;) {
    try {
      compute();
      world_.lose_power_in(0);
      if (cuts_left_ == 0 || !world_.dice.chance(0.5)) break;
      lose_power();
    } catch (const PowerLost&) {
      lose_power();
    } catch (const Refused&) {
      ++counts_[std::string("jobs that were refused with ") + base::word_of(policy_)];
      return;
    }
  }
  cuts_left_ = 0;
  host::ResultStream stream(env_, job_);
  stream.poll();
  require(take_results(stream, job_, 0) == job_.manifest.tasks, "not every task has a result");
  ++counts_[std::string("jobs that were completed with ") + base::word_of(policy_)];
  require(world_.retried_syncs == 0, "a file that could not be synced was tried again");
  counts_["syncs that failed"] += world_.failed_syncs;
  counts_["calls"] += world_.calls;
}

}  // namespace
}  // namespace jobhost::test

int main(int argc, char** argv) {
  using namespace jobhost::test;
  const Counts least = {{"power cuts", 1000},
                        {"jobs that were completed with process", 50},
                        {"jobs that were completed with batch", 100},
                        {"jobs that were completed with strict", 200},
                        {"syncs that failed", 40}};
  return run_campaign(
      argc, argv, "simulated power cuts", 400,
      [](std::uint64_t seed, Counts& counts) { PowerCuts(seed, counts).run(); }, least);
}
