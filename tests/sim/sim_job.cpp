#include "sim/sim_job.hpp"

#include <algorithm>

#include "base/checksum.hpp"
#include "base/hex.hpp"
#include "sim/campaign.hpp"
#include "store/done.hpp"

namespace jobhost::test {
namespace {

constexpr const char* kThrown = "9Simulated";

std::uint64_t word(const host::Job& job, std::uint64_t task) {
  return Dice(task * 31 + job.manifest_sha256.size() + static_cast<std::uint64_t>(job.manifest_sha256[0])).next();
}

}  // namespace

host::Job simulated_job(std::uint64_t tasks, std::uint64_t claim, bool varying) {
  host::Job job{store::JobDirectory("/store/job"), base::sha256_hex(base::as_bytes("manifest")), {}};
  auto& manifest = job.manifest;
  manifest.job = "job";
  manifest.tasks = tasks;
  manifest.claim = claim;
  manifest.lease_ms = 10'000;
  schema::Type& result = manifest.kernel.result;
  if (varying) {
    result.kind = schema::Kind::kString;
  } else {
    result.kind = schema::Kind::kInteger;
    result.width = 8;
  }
  return job;
}

bool fails(std::uint64_t task) { return task % 23 == 5; }

base::Bytes result_of(const host::Job& job, std::uint64_t task) {
  const std::uint64_t value = word(job, task);
  base::Bytes bytes;
  if (job.manifest.kernel.result.kind == schema::Kind::kString) {
    base::append_text(bytes, std::string(value % 300, static_cast<char>('a' + value % 26)));
  } else {
    base::append_value(bytes, value);
  }
  return bytes;
}

std::uint64_t take_results(host::ResultStream& stream, const host::Job& job, std::uint64_t next) {
  while (const host::Block* block = stream.next()) {
    require(block->first == next,
            "task " + std::to_string(block->first) + " was yielded instead of " + std::to_string(next));
    for (std::uint64_t i = 0; i < block->count; ++i, ++next) {
      const std::string task = "task " + std::to_string(next);
      require(block->failed == fails(next), task + (block->failed ? " failed" : " did not fail"));
      if (block->failed) {
        require(block->failure.thrown.size() == 1 && block->failure.thrown[0].type == kThrown,
                task + " failed in another way");
        continue;
      }
      const base::Bytes expected = result_of(job, next);
      const auto& results = block->results;
      const base::ByteView found = results.offsets ? base::ByteView(results.data + results.offsets[i],
                                                                    results.offsets[i + 1] - results.offsets[i])
                                                   : base::ByteView(results.data + i * results.stride, results.size);
      require(std::equal(found.begin(), found.end(), expected.begin(), expected.end()),
              "a wrong result of " + task + " was accepted");
    }
  }
  return next;
}

store::Identity simulated_identity(SimWorld& world, const SimMachine& machine, const std::string& role, int pid) {
  const std::uint64_t words[2] = {world.dice.next(), world.dice.next()};
  const std::string id = base::to_hex({reinterpret_cast<const unsigned char*>(words), sizeof words});
  return {role, id, machine.name, machine.boot_id, "pid:[1]", pid, machine.start_time(pid)};
}

SimWorker::SimWorker(base::Env& env, const host::Job& job, store::Identity self, const Judge& judge)
    : env_(env), job_(job), self_(std::move(self)), judge_(judge) {}

SimWorker::Step SimWorker::step(std::uint64_t batch) {
  if (!party_) {
    party_ = std::make_unique<store::Party>(env_, job_.directory, self_);
    beat();
    source_ = std::make_unique<worker::ClaimSource>(env_, job_.directory, job_.manifest, job_.manifest_sha256, *party_);
    return Step::kStarted;
  }
  beat();
  if (claim_) {
    run_some(batch);
    return Step::kWorked;
  }
  if (source_->everything_done()) {
    if (job_.manifest.sync == base::SyncPolicy::kBatch) sync();
    if (const auto totals = source_->totals()) {
      store::write_done(env_, job_.directory, self_.id, totals->first, totals->second,
                        job_.manifest.sync != base::SyncPolicy::kProcess);
    }
    leave();
    return Step::kDone;
  }
  claim_ = source_->next();
  if (!claim_) return Step::kIdle;
  ++claims_;
  piece_ = 0;
  count_in_logs_ = claim_->missing.size() != 1 || claim_->missing[0] != claim_->tasks;
  failed_ = 0;
  if (judge_.claimed) judge_.claimed(*this, *claim_);
  if (claim_->missing.empty()) finish_claim();
  return Step::kWorked;
}

void SimWorker::leave() {
  source_->give_up();
  party_->leave();
}

void SimWorker::sync() {
  if (!log_sync_) {
    store::sync_code_and_inputs(env_, job_.directory);
    store::sync_manifest(env_, job_.directory);
    log_sync_ = std::make_unique<store::LogSync>(env_, job_.directory, self_.id);
  }
  log_sync_->run();
}

void SimWorker::beat() {
  const std::uint64_t now = env_.monotonic_ns();
  if (last_beat_ != 0 && now - last_beat_ < kSecond) return;
  last_beat_ = now;
  party_->beat();
}

store::LogWriter& SimWorker::log(std::unique_ptr<store::LogWriter>& log, std::uint32_t lane) {
  if (!log) {
    const std::string folder = job_.directory.logs() + "/" + self_.id.substr(0, 2);
    base::make_directories(env_, folder);
    log = std::make_unique<store::LogWriter>(env_, folder + "/" + self_.id + "." + std::to_string(lane) + ".0",
                                             store::binary_id(self_.id), lane, store::binary_id(job_.manifest_sha256),
                                             job_.manifest.sync == base::SyncPolicy::kStrict);
  }
  return *log;
}

/// As a lane commits a batch: runs of results, and failures between them.
void SimWorker::run_some(std::uint64_t batch) {
  store::Interval& piece = claim_->missing[piece_];
  const store::Interval tasks{piece.first, std::min(piece.end, piece.first + batch)};
  store::LogWriter& to = log(lane_log_, 0);
  for (std::uint64_t from = tasks.first; from < tasks.end;) {
    std::uint64_t end = from;
    base::Bytes values;
    std::vector<std::uint64_t> offsets{0};
    while (end < tasks.end && !fails(end)) {
      const base::Bytes value = result_of(job_, end++);
      values.insert(values.end(), value.begin(), value.end());
      offsets.push_back(values.size());
    }
    const base::ByteView ends(reinterpret_cast<const unsigned char*>(offsets.data()), offsets.size() * 8);
    const bool varying = job_.manifest.kernel.result.kind == schema::Kind::kString;
    if (end > from) {
      to.add({store::FrameKind::kResults, from, end - from, 1000, 1, env_.wall_ns()},
             {varying ? ends : base::ByteView(), values});
    }
    if (end < tasks.end) {
      base::Bytes failure;
      store::encode({store::FailureKind::kException, 0, {{kThrown, "simulated"}}, {}}, failure);
      to.add({store::FrameKind::kFailure, end, 1, 1000, 1, env_.wall_ns()}, {failure});
      ++end;
      ++failed_;
    }
    from = end;
  }
  for (std::uint64_t task = tasks.first; judge_.executed && task < tasks.end; ++task) judge_.executed(task);
  to.flush();
  if (judge_.committed) judge_.committed(tasks.first, tasks.size());
  piece.first = tasks.end;
  if (piece.size() == 0 && ++piece_ == claim_->missing.size()) finish_claim();
}

void SimWorker::finish_claim() {
  std::uint64_t failed = failed_;
  if (count_in_logs_) {
    source_->refresh_claim(claim_->claim);
    failed = source_->failed_within(claim_->tasks);
  }
  base::Bytes payload;
  base::append_value(payload, claim_->tasks.size() - failed);
  base::append_value(payload, failed);
  log(own_log_, 2)
      .append({store::FrameKind::kClaimDone, claim_->tasks.first, claim_->tasks.size(), 0, 0, env_.wall_ns()},
              {payload});
  source_->claim_finished(claim_->claim, claim_->tasks.size() - failed, failed);
  claim_.reset();
}

}  // namespace jobhost::test
