#include "worker/lane.hpp"

#include <algorithm>
#include <new>
#include <typeinfo>

#include "store/party.hpp"

namespace jobhost::worker {
namespace {

constexpr double kBatchNs = 1e6;                // a sub-batch is meant to take this long
constexpr std::uint64_t kMaxBatch = 1 << 18;    // tasks
constexpr std::uint64_t kGrowth = 16;           // a sub-batch has at most this many times the tasks of the one before
constexpr std::uint64_t kFlushBytes = 4 << 20;  // variable results beyond this end the sub-batch
constexpr std::uint64_t kIdleWaitNs = 200'000'000;

}  // namespace

LaneRunner::LaneRunner(base::Env& env, Control& control, Lane& lane, Queue& queue, const bundle::Manifest& manifest,
                       const Plan& plan, std::string log_path, std::uint32_t lane_number, jobhost_entry entry,
                       store::Doorbell* doorbell, StackSource stacks, PrintWatch* prints)
    : env_(env),
      control_(control),
      lane_(lane),
      queue_(queue),
      manifest_(manifest),
      plan_(plan),
      log_path_(std::move(log_path)),
      lane_number_(lane_number),
      entry_(entry),
      doorbell_(doorbell),
      stacks_(std::move(stacks)),
      prints_(prints),
      memory_(env, manifest.memory, prints ? 1 : control.lanes),
      inputs_(env, manifest.inputs, manifest.kernel, plan.job_directory),
      result_size_(schema::fixed_size(manifest.kernel.result)) {}

LaneRunner::~LaneRunner() = default;

store::LogWriter& LaneRunner::log() {
  if (!log_) {
    log_ = std::make_unique<store::LogWriter>(env_, log_path_, store::binary_id(plan_.worker_id), lane_number_,
                                              store::binary_id(plan_.manifest_sha256));
  }
  return *log_;
}

bool LaneRunner::run() {
  std::uint64_t hint = 0;
  try {
    while (!stopping()) {
      const std::uint32_t wake = queue_.wake.load(std::memory_order_acquire);
      const auto taken = take(queue_, lane_, hint, [this](std::uint64_t remaining) { return wanted(remaining); });
      if (taken) {
        lane_.state.store(LaneState::kRunning, std::memory_order_relaxed);
        run_range(*taken);
        continue;
      }
      lane_.state.store(LaneState::kIdle, std::memory_order_release);
      control_.bell.fetch_add(1);
      store::futex_wake_all(control_.bell);
      if (!stopping()) store::futex_wait(queue_.wake, wake, kIdleWaitNs);
    }
    return true;
  } catch (const base::Error& error) {
    std::strncpy(lane_.message, error.what(), sizeof lane_.message - 1);
    lane_.state.store(LaneState::kLogFailed, std::memory_order_release);
    control_.bell.fetch_add(1);
    store::futex_wake_all(control_.bell);
    return false;
  }
}

std::uint64_t LaneRunner::wanted(std::uint64_t remaining) const {
  if (manifest_.chunk > 0) return manifest_.chunk;
  if (last_count_ == 0) return 1;
  const double fitting = kBatchNs / std::max(ns_per_task_, 0.1);
  const std::uint64_t share = std::max<std::uint64_t>(1, remaining / (2 * std::uint64_t{control_.lanes}));
  const auto by_time = static_cast<std::uint64_t>(std::min(fitting, static_cast<double>(kMaxBatch)));
  return std::max<std::uint64_t>(1, std::min({by_time, share, last_count_ * kGrowth}));
}

void LaneRunner::run_range(const Taken& taken) {
  const std::uint64_t end = taken.first + taken.count;
  for (std::uint64_t first = taken.first; first < end && !stopping();) {
    const std::uint64_t limit = last_count_ == 0 || printing_ ? 1 : std::min(kMaxBatch, last_count_ * kGrowth);
    first += run_batch(first, std::min(end - first, limit), taken.span);
  }
}

std::uint64_t LaneRunner::run_batch(std::uint64_t first, std::uint64_t n, std::uint64_t span) {
  n = inputs_.read(first, n, columns_);
  jobhost_sink sink{};
  sink.host = this;
  sink.grow = &LaneRunner::grow;
  sink.failed = &LaneRunner::failed;
  if (result_size_) {
    if (results_.size() < n * *result_size_) results_.resize(n * *result_size_);
  } else {
    if (results_.empty()) results_.resize(64 << 10);
    if (ends_.size() < n) ends_.resize(n);
    sink.ends = ends_.data();
  }
  sink.data = results_.data();
  sink.capacity = results_.size();
  failures_.clear();

  lane_.progress.current = 0;
  lane_.batch_first.store(first, std::memory_order_release);
  lane_.set_stop(0);
  if (stopping()) return 0;
  const std::uint64_t started = env_.wall_ns(), begin = env_.monotonic_ns();
  memory_.begin_tasks();
  const std::uint64_t completed = entry_(columns_.data(), n, &sink, &lane_.progress);
  memory_.end_tasks();
  const std::uint64_t nanoseconds = env_.monotonic_ns() - begin;
  if (completed > n || (!result_size_ && sink.used > results_.size())) {
    throw base::Error(base::ExitCode::kPluginRefused, "the plugin broke its contract: it wrote more than it was given");
  }
  printing_ = prints_ && prints_->note(first, completed, started);
  commit(first, completed, nanoseconds, started);
  lane_.taken_first.store(first + completed, std::memory_order_release);
  account(queue_, span, completed, failures_.size());
  if (doorbell_ && completed > 0) doorbell_->ring();
  if (completed > 0) {
    const double fresh = static_cast<double>(nanoseconds) / static_cast<double>(completed);
    ns_per_task_ = last_count_ == 0 || completed > last_count_ ? fresh : 0.5 * (ns_per_task_ + fresh);
    last_count_ = completed;
  }
  return completed;
}

void LaneRunner::commit(std::uint64_t first, std::uint64_t n, std::uint64_t nanoseconds, std::uint64_t started) {
  const std::uint64_t each = n > 0 ? nanoseconds / n : 0;
  std::uint64_t from = 0;
  for (const auto& failed : failures_) {
    commit_results(first, from, failed.index, each * (failed.index - from), started);
    commit_failure(first + failed.index, failed.failure, each, started);
    from = failed.index + 1;
  }
  commit_results(first, from, n, failures_.empty() ? nanoseconds : each * (n - from), started);
}

void LaneRunner::commit_results(std::uint64_t first, std::uint64_t from, std::uint64_t to, std::uint64_t nanoseconds,
                                std::uint64_t started) {
  if (from >= to) return;
  const store::FrameInfo info{store::FrameKind::kResults, first + from, to - from, nanoseconds, 1, started};
  if (result_size_) {
    log().append(info, {base::ByteView(results_).subspan(from * *result_size_, (to - from) * *result_size_)});
    return;
  }
  const std::uint64_t begin = from == 0 ? 0 : ends_[from - 1];
  std::vector<std::uint64_t> offsets(to - from + 1);
  for (std::uint64_t i = from; i < to; ++i) offsets[i - from + 1] = ends_[i] - begin;
  log().append(info, {base::ByteView(reinterpret_cast<const unsigned char*>(offsets.data()), offsets.size() * 8),
                      base::ByteView(results_).subspan(begin, ends_[to - 1] - begin)});
}

void LaneRunner::commit_failure(std::uint64_t task, const store::Failure& failure, std::uint64_t nanoseconds,
                                std::uint64_t started) {
  if (!failure.stack.empty()) {
    const auto modules = stacks_.modules();
    if (modules.size() != modules_written_) {
      base::Bytes payload;
      store::encode_modules(modules, payload);
      log().append({store::FrameKind::kModules, 0, 0, 0, 0, started}, {payload});
      modules_written_ = modules.size();
    }
  }
  base::Bytes payload;
  store::encode(failure, payload);
  log().append({store::FrameKind::kFailure, task, 1, nanoseconds, 1, started}, {payload});
}

int LaneRunner::grow(jobhost_sink* sink, std::uint64_t wanted) {
  auto* self = static_cast<LaneRunner*>(sink->host);
  try {
    self->results_.resize(std::max<std::uint64_t>(wanted, self->results_.size() * 2));
  } catch (const std::bad_alloc&) {
    return -1;
  }
  sink->data = self->results_.data();
  sink->capacity = self->results_.size();
  if (wanted > kFlushBytes) self->lane_.set_stop(1);  // commit after this task; `run_batch` goes on with the rest
  return 0;
}

void LaneRunner::failed(jobhost_sink* sink, std::uint64_t i, const jobhost_exception* thrown) {
  auto* self = static_cast<LaneRunner*>(sink->host);
  self->memory_.end_tasks();  // what is noted here is not the task's
  store::Failure failure;
  for (; thrown; thrown = thrown->cause) {
    failure.thrown.push_back({thrown->type ? thrown->type : "", thrown->what ? thrown->what : ""});
    if (thrown->object)
      failure.thrown.back().object.assign(reinterpret_cast<const char*>(thrown->object), thrown->size);
  }
  if (self->manifest_.memory > 0 && !failure.thrown.empty() &&
      failure.thrown[0].type == typeid(std::bad_alloc).name()) {
    failure.thrown[0].what += ": a task may take " + std::to_string(self->manifest_.memory >> 20) + " MiB (--mem)";
  }
  failure.stack = self->stacks_.last_throw();
  self->failures_.push_back({i, std::move(failure)});
  self->memory_.begin_tasks();
}

}  // namespace jobhost::worker
