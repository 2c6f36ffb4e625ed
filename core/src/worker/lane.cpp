#include "worker/lane.hpp"

#include <algorithm>
#include <new>
#include <typeinfo>

#include "store/doorbell.hpp"

namespace jobhost::worker {
namespace {

constexpr double kBatchNs = 1e6;                // a sub-batch is meant to take this long
constexpr std::uint64_t kMaxBatch = 1 << 18;    // tasks
constexpr std::uint64_t kGrowth = 16;           // a sub-batch has at most this many times the tasks of the one before
constexpr std::uint64_t kFlushBytes = 4 << 20;  // variable results beyond this end the sub-batch

}  // namespace

LaneRunner::LaneRunner(base::Env& env, Control& control, Lane& lane, Queue& queue, const bundle::Manifest& manifest,
                       std::unique_ptr<TaskIo> io, PrintWatch* prints)
    : env_(env),
      control_(control),
      lane_(lane),
      queue_(queue),
      chunk_(manifest.chunk),
      memory_per_task_(manifest.memory),
      io_(std::move(io)),
      prints_(prints),
      memory_(env, manifest.memory, prints ? 1 : control.lanes) {}

LaneRunner::~LaneRunner() = default;

bool LaneRunner::run() {
  std::uint64_t hint = 0;
  try {
    while (!stopping()) {
      io_->before_look();
      const auto taken =
          take(queue_, lane_, hint, io_->available(), [this](std::uint64_t left) { return wanted(left); });
      if (taken) {
        lane_.state.store(LaneState::kRunning, std::memory_order_relaxed);
        run_range(*taken);
        continue;
      }
      lane_.state.store(LaneState::kIdle, std::memory_order_release);
      if (!stopping()) io_->wait();
    }
    return true;
  } catch (const base::Error& error) {
    std::strncpy(lane_.message, error.what(), sizeof lane_.message - 1);
    lane_.state.store(LaneState::kLogFailed, std::memory_order_release);
    control_.ring();
    return false;
  }
}

std::uint64_t LaneRunner::wanted(std::uint64_t remaining) const {
  if (chunk_ > 0) return chunk_;
  if (last_count_ == 0) return 1;
  const double fitting = kBatchNs / std::max(ns_per_task_, 0.1);
  const std::uint64_t share = std::max<std::uint64_t>(1, remaining / (2 * std::uint64_t{control_.lanes}));
  const auto by_time = static_cast<std::uint64_t>(std::min(fitting, static_cast<double>(kMaxBatch)));
  return std::max<std::uint64_t>(1, std::min({by_time, share, last_count_ * kGrowth, io_->most()}));
}

void LaneRunner::run_range(const Taken& taken) {
  const std::uint64_t end = taken.first + taken.count;
  for (std::uint64_t first = taken.first; first < end && !stopping();) {
    const std::uint64_t limit = last_count_ == 0 || printing_ ? 1 : std::min(kMaxBatch, last_count_ * kGrowth);
    first += run_batch(first, std::min(end - first, limit), taken.span);
  }
}

std::uint64_t LaneRunner::run_batch(std::uint64_t first, std::uint64_t n, std::uint64_t span) {
  io_->read(first, n, batch_);
  n = batch_.count;
  jobhost_sink sink{};
  sink.host = this;
  sink.grow = &LaneRunner::grow;
  sink.failed = &LaneRunner::failed;
  if (batch_.result_size) {
    if (batch_.results.size() < n * *batch_.result_size) batch_.results.resize(n * *batch_.result_size);
  } else {
    if (batch_.results.empty()) batch_.results.resize(64 << 10);
    if (batch_.ends.size() < n) batch_.ends.resize(n);
    sink.ends = batch_.ends.data();
  }
  sink.data = batch_.results.data();
  sink.capacity = batch_.results.size();
  batch_.failures.clear();

  lane_.progress.current = 0;
  lane_.batch_first.store(first, std::memory_order_release);
  lane_.set_stop(0);
  if (stopping()) return 0;
  batch_.started = env_.wall_ns();
  const std::uint64_t begin = env_.monotonic_ns();
  memory_.begin_tasks();
  const std::uint64_t completed = batch_.entry(batch_.columns.data(), n, &sink, &lane_.progress);
  memory_.end_tasks();
  batch_.nanoseconds = env_.monotonic_ns() - begin;
  if (completed > n || (!batch_.result_size && sink.used > batch_.results.size())) {
    throw base::Error(base::ExitCode::kPluginRefused, "the plugin broke its contract: it wrote more than it was given");
  }
  printing_ = prints_ && prints_->note(first, completed, batch_.started);
  io_->commit(batch_, completed);
  lane_.taken_first.store(first + completed, std::memory_order_release);
  account(queue_, span, completed, batch_.failures.size());
  if (completed > 0) {
    const double fresh = static_cast<double>(batch_.nanoseconds) / static_cast<double>(completed);
    ns_per_task_ = last_count_ == 0 || completed > last_count_ ? fresh : 0.5 * (ns_per_task_ + fresh);
    last_count_ = completed;
  }
  return completed;
}

int LaneRunner::grow(jobhost_sink* sink, std::uint64_t wanted) {
  auto* self = static_cast<LaneRunner*>(sink->host);
  try {
    self->batch_.results.resize(std::max<std::uint64_t>(wanted, self->batch_.results.size() * 2));
  } catch (const std::bad_alloc&) {
    return -1;
  }
  sink->data = self->batch_.results.data();
  sink->capacity = self->batch_.results.size();
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
  if (self->memory_per_task_ > 0 && !failure.thrown.empty() &&
      failure.thrown[0].type == typeid(std::bad_alloc).name()) {
    failure.thrown[0].what += ": a task may take " + std::to_string(self->memory_per_task_ >> 20) + " MiB (--mem)";
  }
  failure.stack = self->io_->last_throw();
  self->batch_.failures.push_back({i, std::move(failure)});
  self->memory_.begin_tasks();
}

}  // namespace jobhost::worker
