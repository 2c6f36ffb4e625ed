#include "worker/lane.hpp"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <typeinfo>

#include "store/doorbell.hpp"
#include "worker/interpose.hpp"

namespace jobhost::worker {
namespace {

constexpr double kBatchNs = 1e6;                 // a batch is meant to take this long
constexpr std::uint64_t kMaxBatch = 1 << 18;     // tasks
constexpr std::uint64_t kGrowth = 16;            // a batch has at most this many times the tasks of the one before
constexpr std::uint64_t kFlushBytes = 4 << 20;   // variable results beyond this end the batch
constexpr double kClockNs = 50e3;                // between two looks at the clock
constexpr std::uint64_t kCheckNs = 100'000'000;  // between two checks of what is slow to check

/// The first throw of a process takes ten times as long as any other, because nothing of the unwinder's tables is in
/// memory: done while there is nothing else to do.
void practise_throwing() {
  try {
    throw std::runtime_error("");
  } catch (const std::exception&) {
  }
}

}  // namespace

LaneRunner::LaneRunner(base::Env& env, Control& control, Lane& lane, Queue& queue, const bundle::Manifest& manifest,
                       std::unique_ptr<TaskIo> io, PrintWatch* prints, LaneContext context)
    : env_(env),
      control_(control),
      lane_(lane),
      queue_(queue),
      shares_memory_(manifest.memory > 0 && !prints && control.lanes > 1 && &queue != &control.solo),
      peers_(&queue == &control.shared ? std::span(control.lane, control.lanes) : std::span(&lane, 1)),
      chunk_(manifest.chunk),
      memory_per_task_(manifest.memory),
      io_(std::move(io)),
      prints_(prints),
      memory_(env, manifest.memory, prints ? 1 : control.lanes),
      context_(std::move(context)),
      usual_arithmetic_(context_.floating == context::FloatingPoint()),
      one_by_one_(context_.before_task != nullptr) {}

LaneRunner::~LaneRunner() = default;

bool LaneRunner::run() {
  std::uint64_t hint = 0;
  context::FloatingPoint().apply();
  try {
    while (!stopping()) {
      io_->before_look();
      if (const auto taken = take_some(hint)) {
        lane_.state.store(LaneState::kRunning, std::memory_order_relaxed);
        run_taken(taken->span);
        if (&queue_ == &control_.solo) break;
        continue;
      }
      lane_.state.store(LaneState::kIdle, std::memory_order_release);
      if (!std::exchange(practised_, true)) practise_throwing();
      if (!stopping()) io_->wait();
    }
    lane_.state.store(LaneState::kIdle, std::memory_order_release);
    return true;
  } catch (const base::Error& error) {
    const bool intact = !spoiled_ && io_->intact();
    std::strncpy(lane_.message,
                 intact ? error.what() : "closed, wrote to or cut file descriptors that it had not opened",
                 sizeof lane_.message - 1);
    lane_.state.store(intact ? LaneState::kLogFailed : LaneState::kSpoiled, std::memory_order_release);
    control_.ring();
    return false;
  }
}

std::optional<Taken> LaneRunner::take_some(std::uint64_t& hint) {
  const auto wanted = [this](std::uint64_t remaining) {
    const std::uint64_t share = std::max<std::uint64_t>(1, remaining / (2 * std::uint64_t{control_.lanes}));
    const std::uint64_t each = std::max<std::uint64_t>(chunk_, 1), most = std::min(fitting(), share);
    return std::min((most + each - 1) / each * each, Reserve::kMost);
  };
  auto taken = take(queue_, lane_, hint, io_->available(), wanted);
  if (!taken) taken = steal(queue_, peers_, lane_, chunk_);
  if (taken) set_reserve(lane_, *taken);
  return taken;
}

/// Tasks that should take a batch's time, as far as that is known.
std::uint64_t LaneRunner::fitting() const {
  if (last_count_ == 0 || printing_) return 1;
  const double by_time = std::min(kBatchNs / std::max(ns_per_task_, 0.1), static_cast<double>(kMaxBatch));
  return std::max<std::uint64_t>(1, std::min(static_cast<std::uint64_t>(by_time), last_count_ * kGrowth));
}

void LaneRunner::run_taken(std::uint64_t span) {
  while (!stopping()) {
    if (begun_.size() == 0) begun_ = begin_tasks(lane_, chunk_ > 0 ? chunk_ : fitting());
    if (begun_.size() == 0) return forget_taken(lane_);
    run_batch(span);
  }
}

void LaneRunner::run_batch(std::uint64_t span) {
  const std::uint64_t left = Reserve::of(lane_.reserve.load(std::memory_order_relaxed)).left();
  io_->read(begun_.first, std::min(begun_.size() + left, fitting()), batch_);
  if (batch_.entry != entry_) {  // of which nothing is known yet
    entry_ = batch_.entry;
    batch_.count = 1;
    last_count_ = 0;
  }
  jobhost_sink sink = prepare_sink();
  batch_.failures.clear();
  lane_.set_stop(0);
  if (!usual_arithmetic_) context_.floating.apply();
  const std::uint64_t begin = env_.monotonic_ns();
  const auto until_clock = static_cast<std::uint64_t>(kClockNs / std::max(ns_per_task_, 0.1));
  std::uint64_t done = 0;
  for (std::uint64_t clock = until_clock;;) {
    const std::uint64_t n = one_by_one_ ? 1 : std::min(begun_.size(), batch_.count - done);
    const std::uint64_t completed = one_by_one_ ? call_alone(done, sink) : call(done, n, sink);
    done += completed;
    if (completed < n || done == batch_.count || __atomic_load_n(&lane_.progress.stop, __ATOMIC_RELAXED)) break;
    if (begun_.size() == 0)
      begun_ = begin_tasks(lane_, std::min(chunk_ > 0 ? chunk_ : UINT64_MAX, batch_.count - done));
    if (begun_.size() == 0) break;
    if (done < clock) continue;
    if (static_cast<double>(env_.monotonic_ns() - begin) > kBatchNs) break;
    clock = done + until_clock;
  }
  const bool changed = context::FloatingPoint::current() != context_.floating;
  if (changed && !one_by_one_) done = run_again_one_by_one(done, sink);
  if (changed || !usual_arithmetic_) context::FloatingPoint().apply();
  batch_.nanoseconds = env_.monotonic_ns() - begin;
  while (!batch_.failures.empty() && batch_.failures.back().index >= done) batch_.failures.pop_back();
  spoiled_ = !io_->intact();
  if (spoiled_) throw base::Error(base::ExitCode::kBackendFailed, "the log was touched");
  printing_ = prints_ && prints_->note(batch_.first, done, batch_.started);
  io_->commit(batch_, done);
  lane_.taken_first.store(batch_.first + done, std::memory_order_release);
  lane_.commits.fetch_add(1, std::memory_order_relaxed);
  account(queue_, span, done, batch_.failures.size());
  if (done > 0) {
    const double fresh = static_cast<double>(batch_.nanoseconds) / static_cast<double>(done);
    ns_per_task_ = last_count_ == 0 || done > last_count_ ? fresh : 0.5 * (ns_per_task_ + fresh);
    last_count_ = done;
  }
  if (context_.after_batch && begin + batch_.nanoseconds >= next_check_ns_) {
    next_check_ns_ = begin + batch_.nanoseconds + kCheckNs;
    context_.after_batch();
  }
}

/// Something in the batch changed floating-point arithmetic, so nobody knows what its results are worth: its first
/// `count` tasks run again, each with the arithmetic of the submission. Returns how many ended.
std::uint64_t LaneRunner::run_again_one_by_one(std::uint64_t count, jobhost_sink& sink) {
  one_by_one_ = true;
  const store::Interval rest = begun_;
  batch_.failures.clear();
  sink.used = 0;
  std::uint64_t done = 0;
  while (done < count && !stopping()) {
    begun_ = {batch_.first + done, batch_.first + done + 1};
    lane_.set_stop(0);
    done += call_alone(done, sink);
  }
  begun_ = rest;
  return done;
}

/// One task, with the context restored before it and checked behind it.
std::uint64_t LaneRunner::call_alone(std::uint64_t done, jobhost_sink& sink) {
  if (context_.before_task) context_.before_task();
  context_.floating.enter();
  const std::uint64_t completed = call(done, 1, sink);
  const auto now = context::FloatingPoint::current();
  if (now == context_.floating || told_ || !context_.tell) return completed;
  told_ = true;
  store::Note note{"floating_point", "leaves floating-point arithmetic changed (" + now.against(context_.floating) +
                                         "); other tasks do not see that. Let it put back what it changes"};
  note.task = batch_.first + done;
  context_.tell(note);
  return completed;
}

jobhost_sink LaneRunner::prepare_sink() {
  jobhost_sink sink{};
  sink.host = this;
  sink.grow = &LaneRunner::grow;
  sink.failed = &LaneRunner::failed;
  io_->make_room(batch_, batch_.result_size ? batch_.count * *batch_.result_size : 0, 0);
  if (!batch_.result_size && batch_.ends.size() < batch_.count) batch_.ends.resize(batch_.count);
  sink.data = batch_.results;
  sink.capacity = batch_.capacity;
  return sink;
}

/// Runs the next n tasks of the batch, `done` of which have run; how many ended that are still this lane's.
std::uint64_t LaneRunner::call(std::uint64_t done, std::uint64_t n, jobhost_sink& sink) {
  offset_ = done;
  columns_.assign(batch_.columns.begin(), batch_.columns.end());
  for (auto& column : columns_) {
    if (column.offsets) {
      column.offsets += done;
    } else {
      column.data += done * column.stride;
    }
  }
  if (batch_.result_size) {
    sink.data = batch_.results + done * *batch_.result_size;
  } else {
    sink.ends = batch_.ends.data() + done;
  }
  const std::uint64_t first = batch_.first + done;
  lane_.set_current(0);
  lane_.batch_first.store(first, std::memory_order_release);
  lane_.batch_end.store(Call{++calls_ & 0xffff, begun_.end}.word());
  if (stopping()) return 0;
  set_throw_floor(__builtin_frame_address(0));
  memory_.begin_tasks();
  std::uint64_t completed = batch_.entry(columns_.data(), n, &sink, &lane_.progress);
  if (control_.forked.load(std::memory_order_relaxed) != 0) ::_exit(0);  // a child that returned from the task
  memory_.end_tasks();
  begun_.end = Call::of(lane_.batch_end.exchange(0)).end;  // others run what was cut off
  if (completed > n || (!batch_.result_size && sink.used > batch_.capacity)) {
    throw base::Error(base::ExitCode::kPluginRefused, "the plugin broke its contract: it wrote more than it was given");
  }
  completed = std::min(completed, begun_.end - first);
  begun_.first += completed;
  return completed;
}

int LaneRunner::grow(jobhost_sink* sink, std::uint64_t wanted) {
  auto* self = static_cast<LaneRunner*>(sink->host);
  try {
    self->io_->make_room(self->batch_, std::max(wanted, self->batch_.capacity * 2), sink->used);
  } catch (const std::bad_alloc&) {
    return -1;
  }
  sink->data = self->batch_.results;
  sink->capacity = self->batch_.capacity;
  if (wanted > kFlushBytes) self->lane_.set_stop(1);  // commit after this task and go on with the rest
  return 0;
}

void LaneRunner::failed(jobhost_sink* sink, std::uint64_t i, const jobhost_exception* thrown) {
  auto* self = static_cast<LaneRunner*>(sink->host);
  self->memory_.end_tasks();  // what is noted here is not the task's
  const std::string_view type = thrown && thrown->type ? thrown->type : "";
  const bool no_memory = type == typeid(std::bad_alloc).name();
  // A thread without memory for its stack is a system_error.
  if (self->shares_memory_ && (no_memory || type == typeid(std::system_error).name())) {
    // Who took it is not known: all that ran is run again, each task alone.
    self->lane_.state.store(LaneState::kSpoiled, std::memory_order_release);
    ::_exit(static_cast<int>(base::ExitCode::kBackendFailed));
  }
  store::Failure failure;
  for (; thrown; thrown = thrown->cause) {
    failure.thrown.push_back({thrown->type ? thrown->type : "", thrown->what ? thrown->what : ""});
    if (thrown->object)
      failure.thrown.back().object.assign(reinterpret_cast<const char*>(thrown->object), thrown->size);
  }
  if (self->memory_per_task_ > 0 && no_memory) {
    failure.thrown[0].what = "a task may take " + std::to_string(self->memory_per_task_ >> 20) + " MiB (--mem)";
  }
  failure.stack = self->io_->last_throw();
  self->batch_.failures.push_back({self->offset_ + i, std::move(failure)});
  self->memory_.begin_tasks();
}

}  // namespace jobhost::worker
