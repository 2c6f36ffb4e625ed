#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "jobhost/detail/callable.hpp"
#include "jobhost/errors.hpp"

namespace jobhost {

/// What a task without a result yields.
struct Nothing {
  friend bool operator==(Nothing, Nothing) = default;
};

namespace detail {

template <class R>
struct YieldOf {
  using Type = std::remove_cvref_t<R>;
};
template <>
struct YieldOf<void> {
  using Type = Nothing;
};

template <class T>
T decoded([[maybe_unused]] const Outcome& outcome) {
  if constexpr (std::is_same_v<T, Nothing>) {
    return {};
  } else {
    T value{};
    sdk::Reader reader(outcome.data, outcome.size);
    sdk::decode(reader, value);
    return value;
  }
}

/// The jobs of a map. In a store, a feed of unknown length becomes one job after another: each takes a window of it,
/// and the next one is started while the one before is read. Else there is one.
class JobSequence {
 public:
  JobSequence(Call call, std::unique_ptr<Feed> feed, Options options, bool in_order, std::optional<std::uint64_t> tasks)
      : call_(std::move(call)), feed_(std::move(feed)), options_(std::move(options)), in_order_(in_order) {
    if (tasks) {
      window_ = UINT64_MAX;
      size_ = *tasks;
      call_.once = true;
    }
    const std::string globals = capture_globals();
    if (options_.store.empty()) {
      ended_ = true;
      const auto pool = runtime().open_pool(globals, options_);
      add(0, pool->map(std::move(call_), std::move(feed_), tasks, in_order, options_.stop));
      return;
    }
    call_.columns[kGlobalsColumn].value.bytes = encoded(globals);
    start();
  }

  explicit JobSequence(std::unique_ptr<Job> job, Options options = {})
      : options_(std::move(options)), in_order_(true), known_(job->tasks()), size_(known_), ended_(true) {
    add(0, std::move(job));
  }

  bool next(Outcome& outcome) {
    if ((at_ == block_.count || options_.stop.stop_requested()) && !next_block()) return false;
    const jobhost_column& results = block_.results;
    outcome.task = block_.first + at_;
    outcome.failure = block_.failure;
    if (block_.failure) {
      outcome.data = nullptr;
      outcome.size = 0;
    } else if (results.offsets) {
      outcome.data = results.data + results.offsets[at_];
      outcome.size = results.offsets[at_ + 1] - results.offsets[at_];
    } else {
      outcome.data = results.data + at_ * results.stride;
      outcome.size = results.size;
    }
    ++at_;
    if (options_.progress) tell_progress_at_times();
    return true;
  }

  // These may be called from other threads.
  void cancel() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (auto& part : jobs_) part.job->cancel();
  }
  std::uint64_t done() const {
    const std::lock_guard lock(mutex_);
    return done_ + (jobs_.empty() ? 0 : jobs_.front().job->done());
  }
  /// Tasks known so far; all of them once the feed ended.
  std::uint64_t tasks() const {
    const std::lock_guard lock(mutex_);
    return jobs_.empty() ? size_ : std::max(size_, jobs_.back().first + jobs_.back().job->tasks());
  }

 private:
  struct Part {
    std::uint64_t first;
    std::unique_ptr<Job> job;
  };

  /// The front of the feed, as far as the window goes.
  class Window : public Feed {
   public:
    Window(Feed& feed, std::uint64_t limit) : feed_(feed), left_(limit) {}
    bool next(std::vector<std::string>& values) override {
      if (left_ == 0) return false;
      --left_;
      exhausted_ = !feed_.next(values);
      return !exhausted_;
    }
    bool exhausted() const { return exhausted_; }

   private:
    Feed& feed_;
    std::uint64_t left_;
    bool exhausted_ = false;
  };

  bool next_block() {
    for (;;) {
      if (jobs_.empty() || options_.stop.stop_requested()) {
        if (options_.progress && !std::exchange(told_end_, true)) tell_progress();
        return false;
      }
      if (jobs_.size() == 1 && !ended_) start();  // the one ahead
      Part& front = jobs_.front();
      at_ = block_.count = 0;
      if (front.job->next(block_)) {
        block_.first += front.first;
        return true;
      }
      const std::lock_guard lock(mutex_);
      done_ += front.job->done();
      size_ = std::max(size_, front.first + front.job->tasks());
      jobs_.pop_front();
    }
  }

  void start() {
    constexpr std::uint64_t kGrowth = 4, kLargest = 1 << 16;
    Window window(*feed_, window_);
    call_.first_task = known_;
    auto job = runtime().start(call_, window, options_, in_order_);
    const std::lock_guard lock(mutex_);
    ended_ = ended_ || window.exhausted();
    const std::uint64_t first = known_;
    known_ += job->tasks();
    size_ = std::max(size_, known_);
    if (job->tasks() > 0) add(first, std::move(job));
    if (window_ < kLargest) window_ *= kGrowth;
  }

  void add(std::uint64_t first, std::unique_ptr<Job> job) {
    if (options_.progress) job->while_waiting = [this] { tell_progress_at_times(); };
    jobs_.push_back({first, std::move(job)});
  }

  void tell_progress_at_times() {
    constexpr auto kPause = std::chrono::milliseconds(100);
    if (std::chrono::steady_clock::now() - last_told_ >= kPause) tell_progress();
  }
  void tell_progress() {
    last_told_ = std::chrono::steady_clock::now();
    options_.progress({done(), tasks(), std::chrono::duration<double>(last_told_ - begin_).count()});
  }

  Call call_;
  std::unique_ptr<Feed> feed_;
  Options options_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_told_ = begin_;
  bool told_end_ = false;
  bool in_order_;
  std::uint64_t window_ = 1024, known_ = 0, size_ = 0, done_ = 0;
  std::atomic<bool> ended_{false};  // no further job is started
  mutable std::mutex mutex_;        // jobs_ and the numbers, where others than the reader look at them
  std::deque<Part> jobs_;
  Block block_;
  std::uint64_t at_ = 0;  // in the block
};

/// The next outcome of a job as a T or a failure; what the iterators of Results and Outcomes share.
template <class T>
struct Slot {
  std::uint64_t task = 0;
  std::optional<T> value;
  std::shared_ptr<const Failure> failure;  // few tasks fail: others carry a pointer

  bool read(JobSequence& jobs) {
    Outcome outcome;
    if (!jobs.next(outcome)) return false;
    task = outcome.task;
    value.reset();
    failure.reset();
    if (outcome.failure) {
      auto told = std::make_shared<Failure>(*outcome.failure);
      told->task = task;
      failure = std::move(told);
    } else {
      value = decoded<T>(outcome);
    }
    return true;
  }
  T take() {
    if (failure) rethrow(*failure);
    return std::move(*value);
  }
};

/// A result as it lies in the memory that workers wrote it to; what is not an array or a text is decoded as usual.
template <class T>
struct View {
  using Type = T;
  static T of(const Outcome& outcome) { return decoded<T>(outcome); }
};
template <class Item>
requires(std::is_arithmetic_v<Item> && !std::is_same_v<Item, bool>) struct View<std::vector<Item>> {
  using Type = std::span<const Item>;
  static Type of(const Outcome& outcome) {
    sdk::Reader reader(outcome.data, outcome.size);
    const std::uint64_t size = reader.size();
    return {reinterpret_cast<const Item*>(reader.take(size * sizeof(Item))), size};
  }
};
template <>
struct View<std::string> {
  using Type = std::string_view;
  static Type of(const Outcome& outcome) {
    sdk::Reader reader(outcome.data, outcome.size);
    const std::uint64_t size = reader.size();
    return {reinterpret_cast<const char*>(reader.take(size)), size};
  }
};

/// The next outcome of a job where it lies, until the one after is read.
template <class T>
struct ViewSlot {
  Outcome outcome;

  bool read(JobSequence& jobs) { return jobs.next(outcome); }
  typename View<T>::Type take() {
    if (outcome.failure) {
      Failure failure = *outcome.failure;
      failure.task = outcome.task;
      rethrow(failure);
    }
    return View<T>::of(outcome);
  }
};

template <class T>
std::vector<T> all_values(JobSequence& jobs) {
  std::vector<T> values;
  for (Slot<T> slot; slot.read(jobs);) values.push_back(slot.take());
  return values;
}

}  // namespace detail

/// A task's end: its value, or why there is none. Nothing is thrown until value() is asked for.
template <class T>
class TaskOutcome {
 public:
  explicit TaskOutcome(detail::Slot<T> slot) : slot_(std::move(slot)) {}
  std::uint64_t task() const { return slot_.task; }  // its index in the map
  /// Whether there is a value.
  explicit operator bool() const { return slot_.value.has_value(); }
  /// Rethrows what the task threw when it failed.
  T& value() {
    if (slot_.failure) detail::rethrow(*slot_.failure);
    return *slot_.value;
  }
  const T& value() const { return const_cast<TaskOutcome*>(this)->value(); }
  /// Only when there is a value.
  T& operator*() { return *slot_.value; }
  const T& operator*() const { return *slot_.value; }
  T* operator->() { return &*slot_.value; }
  const T* operator->() const { return &*slot_.value; }
  /// Only when it failed.
  TaskFailure failure() const { return TaskFailure(*slot_.failure); }

 private:
  detail::Slot<T> slot_;
};

namespace detail {

template <class T>
struct AsValue {
  using Type = T;
  using From = Slot<T>;
  static T of(Slot<T>& slot) { return slot.take(); }
};
template <class T>
struct AsOutcome {
  using Type = TaskOutcome<T>;
  using From = Slot<T>;
  static Type of(Slot<T>& slot) { return Type(std::move(slot)); }
};
template <class T>
struct AsPair {
  using Type = std::pair<std::uint64_t, T>;
  using From = Slot<T>;
  static Type of(Slot<T>& slot) { return {slot.task, slot.take()}; }
};
template <class T>
struct AsView {
  using Type = typename View<T>::Type;
  using From = ViewSlot<T>;
  static Type of(ViewSlot<T>& slot) { return slot.take(); }
};

}  // namespace detail

/// The results of a map: an input range, to be passed through once. Waits for each result; dereferencing an iterator
/// rethrows what that task threw, and the next one may still be asked for. The destructor cancels what is not done.
/// `How` says what is yielded: values, outcomes, pairs of index and value, or views.
template <class T, template <class> class How = detail::AsValue>
class Results {
 public:
  using value_type = typename How<T>::Type;

  explicit Results(std::unique_ptr<detail::JobSequence> jobs) : jobs_(std::move(jobs)) {}

  class iterator {
   public:
    using value_type = typename How<T>::Type;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    explicit iterator(Results* results) : results_(results) { ++*this; }
    /// Moves the result out: once per position.
    value_type operator*() const { return How<T>::of(results_->slot_); }
    iterator& operator++() {
      if (!results_->slot_.read(*results_->jobs_)) results_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) { return !it.results_; }

   private:
    Results* results_ = nullptr;
  };

  /// Waits for the first result. To be called once.
  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() const { return {}; }

  /// Tasks that are done, and how many there are as far as that is known. (Not size(): the range ends when it ends.)
  std::uint64_t done() const { return jobs_->done(); }
  std::uint64_t tasks() const { return jobs_->tasks(); }
  /// Starts nothing new. The range ends early.
  void cancel() { jobs_->cancel(); }

  /// All that is left, in a container.
  std::vector<value_type> to_vector() requires(!std::is_same_v<How<T>, detail::AsView<T>>) {
    std::vector<value_type> all;
    for (auto it = begin(); it != end(); ++it) all.push_back(*it);
    return all;
  }

 private:
  std::unique_ptr<detail::JobSequence> jobs_;
  typename How<T>::From slot_;
};

}  // namespace jobhost
