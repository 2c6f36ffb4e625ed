#include "worker/span_table.hpp"

#include "store/doorbell.hpp"

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kOffset = (std::uint64_t{1} << 48) - 1;

}  // namespace

SpanTable::SpanTable(Queue& queue, std::vector<Lane*> lanes) : queue_(queue), lanes_(std::move(lanes)) {}

void SpanTable::add(std::uint64_t claim, store::Interval tasks) {
  waiting_.push_back({claim, tasks, false, {}});
  publish();
}

void SpanTable::publish() {
  bool any = false;
  while (!waiting_.empty()) {
    const std::uint64_t number = queue_.published.load(std::memory_order_relaxed);
    if (number >= kSpans && published_.contains(number - kSpans)) break;
    Span& span = queue_.spans[number % kSpans];
    const store::Interval tasks = waiting_.front().tasks;
    span.first.store(tasks.first, std::memory_order_relaxed);
    span.size.store(tasks.size(), std::memory_order_relaxed);
    span.done.store(0, std::memory_order_relaxed);
    span.failed.store(0, std::memory_order_relaxed);
    span.cursor.store((number & 0xffff) << 48, std::memory_order_release);
    published_.emplace(number, std::move(waiting_.front()));
    waiting_.pop_front();
    queue_.published.store(number + 1, std::memory_order_release);
    any = true;
  }
  if (any) {
    queue_.wake.fetch_add(1);
    store::futex_wake_all(queue_.wake);
  }
}

std::uint64_t SpanTable::untaken() const {
  std::uint64_t count = 0;
  for (const auto& entry : waiting_) count += entry.tasks.size();
  for (const auto& [number, entry] : published_) {
    const std::uint64_t taken = queue_.spans[number % kSpans].cursor.load(std::memory_order_acquire) & kOffset;
    count += entry.tasks.size() - std::min(taken, entry.tasks.size());
  }
  return count;
}

void SpanTable::wound(std::uint64_t number) {
  const auto found = published_.find(number);
  if (found == published_.end() || found->second.wounded) return;
  // Taking what is left away from the lanes settles which tasks they can still hold.
  queue_.spans[number % kSpans].cursor.fetch_or(kOffset);
  found->second.wounded = true;
  ++wounded_;
}

std::optional<std::uint64_t> SpanTable::give_away(std::uint64_t number, store::Interval tasks) {
  const auto found = published_.find(number);
  if (found == published_.end() || found->second.wounded) return std::nullopt;
  const std::uint64_t claim = found->second.claim;
  account(queue_, number, tasks.size(), 0);
  found->second.moved.add(tasks);
  add(claim, tasks);
  return claim;
}

std::vector<store::Interval> SpanTable::in_flight(std::uint64_t number) const {
  // Tasks that move from one lane to another while lanes are looked at must not be overlooked.
  for (std::uint64_t steals = queue_.steals.load();;) {
    auto held = held_now(number);
    const std::uint64_t now = queue_.steals.load();
    if (now == steals) return held;
    steals = now;
  }
}

std::vector<store::Interval> SpanTable::held_now(std::uint64_t number) const {
  std::vector<store::Interval> held;
  for (const Lane* lane : lanes_) {
    // The end is written before the first task and only ever read with it: a lane that moves on meanwhile has
    // committed what it held, and `done` is read after this.
    const store::Interval tasks{lane->taken_first.load(std::memory_order_acquire),
                                lane->taken_end.load(std::memory_order_acquire)};
    if (lane->taken_span.load(std::memory_order_acquire) == number && tasks.first < tasks.end) held.push_back(tasks);
  }
  return held;
}

void SpanTable::settle(const store::IntervalSet& done, const std::function<void()>& refresh,
                       const std::function<void(std::uint64_t, std::uint64_t, std::uint64_t)>& finished,
                       const std::function<void(std::uint64_t, store::Interval)>& again) {
  for (auto next = published_.begin(); next != published_.end();) {
    auto& [number, entry] = *next;
    const Span& span = queue_.spans[number % kSpans];
    if (!entry.wounded) {
      if (span.done.load(std::memory_order_acquire) < entry.tasks.size()) {
        ++next;
        continue;
      }
      finished(entry.claim, entry.tasks.size(), span.failed.load(std::memory_order_relaxed));
      next = published_.erase(next);
      continue;
    }
    const auto held = in_flight(number);
    refresh();
    store::IntervalSet with_lanes;
    for (const auto& tasks : held) with_lanes.add(tasks);
    for (const auto& undone : done.missing(entry.tasks)) {
      for (const auto& unmoved : entry.moved.missing(undone)) {
        for (const auto& lost : with_lanes.missing(unmoved)) {
          again(entry.claim, lost);
          entry.moved.add(lost);
        }
      }
    }
    if (!held.empty()) {
      ++next;
      continue;
    }
    finished(entry.claim, entry.tasks.size(), 0);
    --wounded_;
    next = published_.erase(next);
  }
  publish();
}

}  // namespace jobhost::worker
