/// A job of very many tasks on very many workers, on a model of a queue and of a file server (docs/scaling.md). Claims,
/// logs, heartbeats, DONE and the host's reading are the real code, call by call; what a supervisor does beside them,
/// and when, is repeated here. Prints what the file server was asked for, and fails when a task is lost.
#include <fcntl.h>

#include <chrono>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/beneath.hpp"
#include "base/lag.hpp"
#include "host/ownership.hpp"
#include "sim/campaign.hpp"
#include "sim/file_server.hpp"
#include "sim/sim_job.hpp"
#include "store/done.hpp"
#include "store/refusals.hpp"

namespace jobhost::test {
namespace {

struct Options {
  std::uint64_t tasks = 100'000, workers = 100, deaths = 2;
  std::uint64_t per_node = 64;  // workers of a machine
  double seconds = 0.36;        // per task
  double starts = 50;           // of workers per second, by the queue
  double operations = 20'000;   // per second, of the file server
  std::uint64_t latency_us = 300;
  std::uint64_t seed = 1;
};

enum Purpose : std::size_t { kStart, kClaim, kBeat, kCancel, kSync, kIdle, kEnd, kHost, kPurposes };
constexpr std::array kPurposeNames = {"start", "claims", "heartbeat", "cancelled?", "results", "idle", "end", "host"};

constexpr std::uint64_t kSupervisorNs = kSecond / 10;  // between two looks of one without work
constexpr std::uint64_t kHostPauseNs = kSecond;        // the longest
constexpr std::uint64_t kQuestionNs = 3 * kSecond;     // between two questions to the queue
constexpr std::uint64_t kManyWorkers = 1000;           // as in worker/supervisor.cpp
constexpr std::uint64_t kLeaseMs = 90'000;

/// By how much the operations for a purpose may differ from what docs/scaling.md foresees.
constexpr std::array<double, kPurposes> kFactors = {1.25, 1.25, 1.25, 1.25, 1.25, 2, 1.5, 2};

class Scale {
 public:
  explicit Scale(const Options& options);
  int run();

 private:
  struct Machine {
    std::unique_ptr<SimMachine> machine;
    ClientCache cache;
  };
  void work(std::uint64_t number);
  void follow();
  void prepare_worker(ServedEnv& env, const std::string& id);
  int report(double real_seconds);
  std::array<double, kPurposes> on_paper() const;
  std::uint64_t jitter(double seconds) {
    return static_cast<std::uint64_t>(seconds * 1e9 *
                                      (0.8 + 0.4 * static_cast<double>(world_.dice.below(1024)) / 1024));
  }
  std::uint64_t at_scale(std::uint64_t period) const {
    return period * std::max(kManyWorkers, options_.workers) / kManyWorkers;
  }

  Options options_;
  SimWorld world_;
  Fibers fibers_;
  FileServer server_;
  host::Job job_;
  std::vector<Machine> machines_;
  std::uint64_t begin_ = 0, first_row_ = 0, all_rows_ = 0, done_ = 0, ended_ = 0;
  std::uint64_t taken_ = 0, takeovers_ = 0, ran_ = 0, questions_ = 0, busy_ns_ = 0, idle_ns_ = 0;
};

std::uint64_t claim_size(const Options& options) {
  const std::uint64_t claims = std::min<std::uint64_t>(1 << 20, 64 * options.workers);  // as in host/submission.cpp
  return std::max<std::uint64_t>(1, (options.tasks + claims - 1) / claims);
}

Scale::Scale(const Options& options)
    : options_(options),
      world_(options.seed, false),
      fibers_(world_),
      server_(world_, fibers_, options.operations, options.latency_us * 1000),
      job_(simulated_job(options.tasks, claim_size(options), false)) {
  job_.manifest.lease_ms = kLeaseMs;
  server_.purposes(kPurposes);
  for (std::uint64_t i = 0; i <= options.workers / options.per_node + 1; ++i) {
    machines_.push_back({std::make_unique<SimMachine>(world_, i), {}});
  }
  SimEnv env(world_, *machines_[0].machine);
  const auto& job = job_.directory;
  for (const auto& folder :
       {job.workers(), job.logs(), job.claims(), job.host(), job.blobs(), job.inputs(), job.printed()})
    base::make_directories(env, folder);
  base::write_file_atomically(env, job.manifest(), base::Bytes(8192), false);
  base::write_file_atomically(env, job.blob("code"), base::Bytes(100'000), false);
  begin_ = world_.now;
  fibers_.start(world_.now, [this] { follow(); });
  const double most_jitter = std::min(10.0, 0.005 * static_cast<double>(options.workers));
  for (std::uint64_t i = 0; i < options.workers; ++i) {
    const double at =
        static_cast<double>(i) / options.starts + most_jitter * static_cast<double>(world_.dice.below(1024)) / 1024;
    fibers_.start(world_.now + static_cast<std::uint64_t>(at * 1e9), [this, i] { work(i); });
  }
}

/// What a worker asks the file server before it claims anything (worker/head_start.cpp).
void Scale::prepare_worker(ServedEnv& env, const std::string& id) {
  const auto& job = job_.directory;
  const auto arrived = [&](const std::string& folder, const std::string& path) {
    base::names_in(env, folder);
    return base::exists(env, path);
  };
  arrived(job.path(), job.manifest());
  base::may_lag(env, job.path());
  store::require_trusted(env, job);
  base::read_beneath(env, job.path(), job.manifest(), 1 << 20);
  if (store::any_refused(env, job)) store::read_refusals(env, job);
  arrived(job.blobs(), job.blob("code"));
  job.open_blob(env, "code");  // the copy in the private cache is read in its stead, but for the first time
  base::File(env, job.printed() + "/worker", O_WRONLY | O_CREAT | O_APPEND);
  base::File(env, job.printed() + "/" + id + ".0.0", O_WRONLY | O_CREAT);
  base::make_directories_beneath(env, job.path(), job.logs() + "/" + id.substr(0, 2));
}

void Scale::work(std::uint64_t number) {
  Machine& machine = machines_[1 + number / options_.per_node];
  ServedEnv env(world_, *machine.machine, machine.cache, server_, fibers_);
  const int pid = machine.machine->start_process();
  const auto& job = job_.directory;
  const auto self = simulated_identity(world_, *machine.machine, "worker", pid);
  env.purpose = kStart;
  prepare_worker(env, self.id);
  store::Party party(env, job, self);
  party.beat();
  worker::ClaimSource source(env, job, job_.manifest, job_.manifest_sha256, party);
  const auto log = [&](std::uint32_t lane) {
    return std::make_unique<store::LogWriter>(
        env, job.logs() + "/" + self.id.substr(0, 2) + "/" + self.id + "." + std::to_string(lane) + ".0",
        store::binary_id(self.id), lane, store::binary_id(job_.manifest_sha256));
  };
  const auto own_log = log(2), lane_log = log(0);
  store::LogSync sync(env, job, self.id);
  store::sync_code_and_inputs(env, job);
  const std::uint64_t beat_every = std::max(kSecond, job_.manifest.lease_ms * 100'000);
  const std::uint64_t ask_every = at_scale(kSecond), sync_every = at_scale(kSecond / 2);
  std::uint64_t beat_at = world_.now + beat_every, ask_at = world_.now + world_.dice.below(ask_every),
                sync_at = world_.now + sync_every;
  const bool dies =
      number % std::max<std::uint64_t>(1, options_.workers / std::max<std::uint64_t>(1, options_.deaths)) == 1 &&
      options_.deaths > 0;
  const std::uint64_t dies_after = world_.dice.between(1, 50);  // claims

  std::optional<worker::WorkSource::Work> claim;
  std::uint64_t claims = 0, committed = 0, claim_begin = 0, claim_end = 0;
  bool count_in_logs = false;
  const auto commit = [&](std::uint64_t until) {  // tasks of the claim's first missing piece
    auto& piece = claim->missing[0];
    if (until <= piece.first) return;
    base::Bytes values;
    for (std::uint64_t task = piece.first; task < until; ++task) base::append_value(values, mixed(task));
    lane_log->append({store::FrameKind::kResults, piece.first, until - piece.first, 1, 1, env.wall_ns()}, {values});
    ran_ += until - piece.first;
    committed += until - piece.first;
    piece.first = until;
  };
  const auto begin_piece = [&] {
    claim_begin = world_.now;
    claim_end = claim_begin + jitter(options_.seconds * static_cast<double>(claim->missing[0].size()));
    committed = 0;
  };
  std::uint64_t idle_since = 0;
  for (;;) {
    if (world_.now >= beat_at) {
      beat_at = world_.now + beat_every;
      env.purpose = kBeat;
      party.beat();
    }
    if (world_.now >= ask_at) {
      ask_at = world_.now + ask_every;
      env.purpose = kCancel;
      job.is_cancelled(env);
    }
    if (world_.now >= sync_at) {
      sync_at = world_.now + sync_every;
      env.purpose = kSync;
      if (claim && world_.now > claim_begin && world_.now < claim_end) {
        const auto& piece = claim->missing[0];
        const double part =
            static_cast<double>(world_.now - claim_begin) / static_cast<double>(claim_end - claim_begin);
        const std::uint64_t all = committed + piece.size();
        commit(piece.first - committed + static_cast<std::uint64_t>(part * static_cast<double>(all)));
      }
      sync.run();
    }
    env.purpose = idle_since != 0 ? kIdle : kClaim;
    if (source.everything_done()) break;
    if (!claim) {
      const std::uint64_t asked = world_.now;
      claim = source.next();
      if (!claim) {
        if (idle_since == 0) idle_since = asked;
        env.sleep_ns(kSupervisorNs);
        continue;
      }
      ++claims;
      ++taken_;
      if (!claim->dead_owner.empty()) ++takeovers_;
      count_in_logs = claim->missing.size() != 1 || claim->missing[0] != claim->tasks;
      if (dies && claims >= dies_after) {
        party.beat();
        machine.machine->end_process(pid);
        return;
      }
      if (!claim->missing.empty()) begin_piece();
    }
    if (!claim->missing.empty() && world_.now >= claim_end) {
      busy_ns_ += world_.now - claim_begin;
      commit(claim->missing[0].end);
      claim->missing.erase(claim->missing.begin());
      if (!claim->missing.empty()) begin_piece();
    }
    if (claim->missing.empty()) {
      if (count_in_logs) source.refresh_claim(claim->claim);
      base::Bytes payload(16);
      own_log->append({store::FrameKind::kClaimDone, claim->tasks.first, claim->tasks.size(), 0, 0, env.wall_ns()},
                      {payload});
      source.claim_finished(claim->claim, claim->tasks.size(), 0);
      claim.reset();
      continue;
    }
    fibers_.sleep_until(std::min({beat_at, ask_at, sync_at, claim_end}));
  }
  env.purpose = kEnd;
  if (idle_since != 0) idle_ns_ += world_.now - idle_since;
  sync.run();
  if (const auto totals = source.totals()) {
    store::write_done(env, job, self.id, totals->first, totals->second, true);
    if (done_ == 0) done_ = world_.now;
  }
  party.leave();
  ended_ = world_.now;
}

/// The host: takes the results in order as they come.
void Scale::follow() {
  Machine& machine = machines_[0];
  ServedEnv env(world_, *machine.machine, machine.cache, server_, fibers_);
  env.purpose = kHost;
  host::Ownership ownership(
      env, job_, simulated_identity(world_, *machine.machine, "host", machine.machine->start_process()), false);
  host::ResultStream stream(env, job_);
  std::uint64_t next = 0, asked = 0, pause = kSecond / 20;
  while (!stream.finished()) {
    const bool fresh = stream.poll();
    while (const host::Block* block = stream.next()) {
      require(block->first == next && !block->failed, "task " + std::to_string(next) + " is not yielded in its turn");
      for (std::uint64_t i = 0; i < block->count; ++i, ++next) {
        std::uint64_t value = 0;
        std::memcpy(&value, block->results.data + 8 * i, sizeof value);
        require(value == mixed(next), "task " + std::to_string(next) + " has a wrong result");
      }
      if (first_row_ == 0) first_row_ = world_.now;
      ownership.keep();
    }
    ownership.keep();
    if (world_.now >= asked + kQuestionNs) {
      asked = world_.now;
      ++questions_;
    }
    pause = fresh ? kSecond / 20 : std::min(2 * pause, kHostPauseNs);
    env.sleep_ns(pause);
  }
  all_rows_ = world_.now;
}

int Scale::run() {
  const auto begin = std::chrono::steady_clock::now();
  fibers_.run();
  require(done_ != 0, "nobody said that all is done");
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  return report(spent.count());
}

int Scale::report(double real_seconds) {
  const auto since = [&](std::uint64_t time) { return static_cast<double>(time - begin_) * 1e-9; };
  std::printf("simulated scale: %" PRIu64 " tasks, %" PRIu64 " workers, %" PRIu64 " claims of %" PRIu64
              " tasks, seed %" PRIu64 ", simulated in %.0f s\n",
              options_.tasks, options_.workers, job_.manifest.claims(), job_.manifest.claim, options_.seed,
              real_seconds);
  std::printf("  first row after %.1f s, last row %.1f s, DONE %.1f s, last worker ended %.1f s\n", since(first_row_),
              since(all_rows_), since(done_), since(ended_));
  const double worker_ns = static_cast<double>(options_.workers) * static_cast<double>(ended_ - begin_);
  std::printf("  workers were busy %.1f %% of that time, without work %.1f %%; %" PRIu64 " claims taken, %" PRIu64
              " of them from the dead; %" PRIu64 " tasks ran twice; %" PRIu64 " questions to the queue\n",
              100 * static_cast<double>(busy_ns_) / worker_ns, 100 * static_cast<double>(idle_ns_) / worker_ns, taken_,
              takeovers_, ran_ - options_.tasks, questions_);
  const auto paper = on_paper();
  std::printf("%12s", "");
  for (const char* name : kOperationNames) std::printf("%10s", name);
  std::printf("%12s%12s%8s%10s\n", "all", "on paper", "ratio", "MB");
  bool as_on_paper = true;
  std::uint64_t everything = 0;
  FileServer::ByOperation sums{};
  for (std::size_t purpose = 0; purpose < kPurposes; ++purpose) {
    std::uint64_t all = 0;
    std::printf("%12s", kPurposeNames[purpose]);
    for (std::size_t i = 0; i < kOperations; ++i) {
      const std::uint64_t count = server_.counts()[purpose][i];
      all += count;
      sums[i] += count;
      std::printf("%10" PRIu64, count);
    }
    everything += all;
    const double ratio = static_cast<double>(all) / paper[purpose];
    std::printf("%12" PRIu64 "%12.0f%8.2f%10.0f\n", all, paper[purpose], ratio,
                static_cast<double>(server_.bytes()[purpose]) * 1e-6);
    if (ratio <= kFactors[purpose] && ratio >= 1 / kFactors[purpose]) continue;
    as_on_paper = false;
    std::fprintf(stderr, "%s: not within a factor of %.2f\n", kPurposeNames[purpose], kFactors[purpose]);
  }
  std::printf("%12s", "all");
  for (const std::uint64_t sum : sums) std::printf("%10" PRIu64, sum);
  std::printf("%12" PRIu64 "\n", everything);
  std::uint64_t busiest = 0;
  for (std::uint64_t second = 0; second < server_.by_second().size(); ++second) {
    if (server_.by_second()[second] > server_.by_second()[busiest]) busiest = second;
  }
  std::printf(
      "  busiest second: %u operations, %.0f s after the start; %.0f per second on average; longest wait %.3f s\n",
      server_.by_second()[busiest], static_cast<double>(busiest) - static_cast<double>(begin_ / kSecond),
      static_cast<double>(everything) / since(ended_), static_cast<double>(server_.longest_wait()) * 1e-9);
  return as_on_paper ? 0 : 1;
}

/// The formulas of docs/scaling.md, by purpose.
std::array<double, kPurposes> Scale::on_paper() const {
  const auto workers = static_cast<double>(options_.workers), claims = static_cast<double>(job_.manifest.claims());
  const double all = static_cast<double>(ended_ - begin_) * 1e-9;  // seconds
  const double busy = static_cast<double>(busy_ns_) * 1e-9 / workers,
               idle = static_cast<double>(idle_ns_) * 1e-9 / workers;
  const double lease = static_cast<double>(kLeaseMs) * 1e-3, period = std::max(1.0, workers / kManyWorkers);
  const double longest = std::max(3.0, claims * 50e-6);  // between two looks
  const double looks = 10 + 10 * std::log(std::clamp(idle, 1.0, 10 * longest)) + std::max(0.0, idle / longest - 10);
  const double on_duty = std::min(4.0, workers), dead = static_cast<double>(options_.deaths);
  const double commits = 2 * workers * busy / period + claims;
  std::array<double, kPurposes> operations{};
  operations[kStart] = 38 * workers;
  // At last each worker lists all folders of the window, in vain.
  operations[kClaim] = 8 * claims + 4 * workers * std::max(1.0, claims / 64 / store::Claims::kPerFolder);
  operations[kBeat] = 3 * workers * all / (lease / 10);
  operations[kCancel] = workers * all / period;
  operations[kSync] = 2 * commits + 2 * workers * all / period;
  operations[kIdle] =
      workers * (3 * looks + 3 * on_duty * (1 + 2 * idle / lease)) + on_duty * (8 * workers + 10 * looks * dead);
  operations[kEnd] = 16 * workers;
  operations[kHost] = std::min(4 * commits, all * 1e6 / static_cast<double>(options_.latency_us));
  return operations;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : "";
    const auto number = [&] { return std::strtoull(value, nullptr, 10); };
    if (name == "--tasks") {
      options.tasks = number();
    } else if (name == "--workers") {
      options.workers = number();
    } else if (name == "--deaths") {
      options.deaths = number();
    } else if (name == "--per-node") {
      options.per_node = number();
    } else if (name == "--seconds") {
      options.seconds = std::strtod(value, nullptr);
    } else if (name == "--starts") {
      options.starts = std::strtod(value, nullptr);
    } else if (name == "--operations") {
      options.operations = std::strtod(value, nullptr);
    } else if (name == "--latency-us") {
      options.latency_us = number();
    } else if (name == "--seed") {
      options.seed = number();
    } else {
      std::fprintf(stderr,
                   "usage: %s [--tasks N] [--workers N] [--deaths N] [--per-node N] [--seconds S] [--starts R] "
                   "[--operations R] [--latency-us N] [--seed N]\n",
                   argv[0]);
      std::exit(2);
    }
  }
  return options;
}

}  // namespace
}  // namespace jobhost::test

int main(int argc, char** argv) {
  using namespace jobhost::test;
  try {
    return Scale(parse(argc, argv)).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "simulated scale: %s\n", error.what());
    return 1;
  }
}
