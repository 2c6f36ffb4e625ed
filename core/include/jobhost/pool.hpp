#pragma once

#include <unordered_map>

#include "jobhost/verbs.hpp"

namespace jobhost {

namespace detail {

/// A map over a pool: posts so many tasks ahead, and takes them in order or as they come.
class PoolJob : public Job {
 public:
  PoolJob(std::shared_ptr<TaskPool> pool, Call call, std::unique_ptr<Feed> feed, bool in_order,
          std::optional<std::uint64_t> size, std::stop_token stop)
      : pool_(std::move(pool)),
        in_order_(in_order),
        size_(size.value_or(0)),
        feed_(std::move(feed)),
        stop_(std::move(stop)) {
    for (const Column& column : call.columns) values_.resize(values_.size() + (column.from == Column::From::kFeed));
    prepared_ = pool_->prepare(std::move(call));
    top_up();
  }
  ~PoolJob() override {
    for (const std::uint64_t task : running_) pool_->drop(task);
  }

  std::uint64_t tasks() const override { return std::max(size_, fed_.load()); }
  std::uint64_t done() override { return done_.load(); }
  void cancel() override { cancelled_.store(true); }

  bool next(Block& block) override {
    constexpr std::uint64_t kLookNs = 50'000'000;  // for a cancel
    top_up();
    std::size_t at = 0;
    const auto& waited_for = in_order_ ? front_ : running_;
    if (in_order_) front_.assign(running_.begin(), running_.begin() + (running_.empty() ? 0 : 1));
    do {
      if (while_waiting) while_waiting();
      if (cancelled_.load() || stop_.stop_requested() || running_.empty()) return false;
      at = pool_->wait_any(waited_for, kLookNs);
    } while (at == waited_for.size());
    const std::uint64_t task = running_[at];
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(at));
    Outcome outcome;
    pool_->take(task, reply_, outcome);
    block = {positions_.at(task), 1, {outcome.data, nullptr, outcome.size, outcome.size}, outcome.failure};
    positions_.erase(task);
    ++done_;
    return true;
  }

 private:
  void top_up() {
    constexpr std::size_t kAhead = 128;
    while (!ended_ && running_.size() < kAhead) {
      if (ended_ = !feed_->next(values_); ended_) return;
      const std::uint64_t task = pool_->post(prepared_, fed_, values_);
      positions_.emplace(task, fed_.load());
      ++fed_;
      running_.push_back(task);
    }
  }

  std::shared_ptr<TaskPool> pool_;
  std::shared_ptr<TaskPool::Prepared> prepared_;
  bool in_order_;
  std::uint64_t size_;
  std::atomic<std::uint64_t> fed_{0};
  std::unique_ptr<Feed> feed_;
  std::vector<std::string> values_;
  std::stop_token stop_;
  bool ended_ = false;
  std::vector<std::uint64_t> running_, front_;                  // posted and not taken, in order; the first of them
  std::unordered_map<std::uint64_t, std::uint64_t> positions_;  // of a task in the feed
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> cancelled_{false};
  Reply reply_;
};

}  // namespace detail

/// One call on a pool; made by Pool::apipe. For one thread at a time. The destructor gives the call up: it is not begun
/// if it was not yet, and what it returns is forgotten.
template <class T>
class PoolCall {
 public:
  PoolCall(std::shared_ptr<detail::TaskPool> pool, std::uint64_t task) : pool_(std::move(pool)), task_(task) {}
  PoolCall(PoolCall&&) noexcept = default;
  PoolCall& operator=(PoolCall&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(task_, other.task_);
    return *this;
  }
  ~PoolCall() { cancel(); }

  /// Its number in the pool, from 0.
  std::uint64_t task() const { return task_; }
  bool ready() const { return pool_->ready(task_); }
  void wait() const { wait_for(std::chrono::nanoseconds::max()); }
  /// True when it became ready in time.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> time) const {
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
    return pool_->wait_any({task_}, static_cast<std::uint64_t>(std::max<decltype(nanoseconds)>(nanoseconds, 0))) == 0;
  }
  /// Waits and gives the result, once; rethrows what the call threw.
  T get() {
    wait();
    detail::Reply reply;
    detail::Outcome outcome;
    std::exchange(pool_, nullptr)->take(task_, reply, outcome);
    if (outcome.failure) detail::rethrow(*outcome.failure);
    return detail::decoded<T>(outcome);
  }
  /// Gives the call up. There is nothing to get() afterwards.
  void cancel() {
    if (pool_) std::exchange(pool_, nullptr)->drop(task_);
  }

 private:
  std::shared_ptr<detail::TaskPool> pool_;
  std::uint64_t task_;
};

/// Workers that are kept between calls: a call costs tens of microseconds instead of the start of processes. For
/// algorithms that decide from results what to compute next. The verbs are those of the library, with the same
/// callables and arguments; calls of any of them, from any thread, share the workers and are begun in the order in
/// which they were posted. At most 256 calls are open at a time: beyond that a verb waits, so memory does not grow.
///
/// The pool's job lives in memory shared with its workers: it is in no store, cannot be resumed, and ends with the
/// pool. Crashes, time-outs and retries are as for other jobs. Options::backend, workers, timeout, retries, memory,
/// seed, label, progress and stop apply; chunk does not. jobhost::Global variables travel when the pool is made. Tasks
/// are numbered through from 0 over all calls, for jobhost::rng() and for the failures of pipe and apipe.
class Pool {
 public:
  /// Starts the workers. Throws std::invalid_argument for a store, std::runtime_error when workers cannot be started.
  explicit Pool(const Options& options = {})
      : options_(options), tasks_(detail::runtime().open_pool(detail::capture_globals(), options)) {}
  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&&) noexcept = default;
  /// Ends the workers once no results and calls refer to them either; what runs then is stopped.
  ~Pool() = default;

  /// Keeps a value for calls whose parameter is of type P: written once, mapped by all workers, as common() is for a
  /// map.
  template <class P, class T>
  Shared<sdk::Plain<P>> share(T&& value) {
    auto common = jobhost::common(std::forward<T>(value));
    return {tasks_->share(detail::common_value<P>(common))};
  }

  /// One call: its result, or what it threw.
  template <class F, class... A>
  auto pipe(const F& f, A&&... arguments) {
    return apipe(f, std::forward<A>(arguments)...).get();
  }
  /// One call beside the program.
  template <class F, class... A>
  auto apipe(const F& f, A&&... arguments) {
    using CallOf = detail::CallOf<F, A...>;
    CallOf made(options_.seed, f, std::forward<A>(arguments)...);
    return PoolCall<typename CallOf::Yield>(tasks_, tasks_->post(tasks_->prepare(std::move(made.call)), 0, {}));
  }
  /// Position of a call that is ready, waiting until one is. Throws std::invalid_argument for no calls.
  template <class T>
  std::size_t wait_any(const std::vector<PoolCall<T>>& calls) {
    if (calls.empty()) throw std::invalid_argument("wait_any: there is no call to wait for");
    std::vector<std::uint64_t> tasks;
    for (const auto& call : calls) tasks.push_back(call.task());
    return tasks_->wait_any(tasks, UINT64_MAX);
  }

  template <class F, class... A>
  auto map(const F& f, A&&... arguments) {
    return mapped<detail::AsValue>(true, f, std::forward<A>(arguments)...);
  }
  template <class... A>
  auto imap(A&&... arguments) {
    return map(std::forward<A>(arguments)...);
  }
  template <class F, class... A>
  auto uimap(const F& f, A&&... arguments) {
    return mapped<detail::AsPair>(false, f, std::forward<A>(arguments)...);
  }
  template <class F, class... A>
  auto outcomes(const F& f, A&&... arguments) {
    return mapped<detail::AsOutcome>(true, f, std::forward<A>(arguments)...);
  }
  template <class F, class Tuples>
  auto starmap(const F& f, Tuples&& tuples) {
    return map(detail::Starred<std::decay_t<F>>{f}, std::forward<Tuples>(tuples));
  }
  template <class F, class C, class T, std::ranges::input_range R>
  T map_reduce(const F& f, const C& combine, T init, R&& inputs) {
    const auto leaves = detail::leaves_of(inputs);
    for (auto part : map(detail::Leaf<std::decay_t<F>, std::decay_t<C>>{f, combine}, leaves)) {
      init = combine(std::move(init), std::move(part));
    }
    return init;
  }
  template <class F, class... A>
  auto amap(const F& f, A&&... arguments) {
    using T = typename detail::MapOf<F, A...>::Yield;
    return Async<std::vector<T>>(start(true, f, std::forward<A>(arguments)...), &detail::all_values<T>);
  }

 private:
  template <class F, class... A>
  std::unique_ptr<detail::JobSequence> start(bool in_order, const F& f, A&&... arguments) {
    detail::MapOf<F, A...> made(options_.seed, f, std::forward<A>(arguments)...);
    return std::make_unique<detail::JobSequence>(
        std::make_unique<detail::PoolJob>(tasks_, std::move(made.call), std::move(made.feed), in_order, made.tasks,
                                          options_.stop),
        options_);
  }
  template <template <class> class How, class F, class... A>
  auto mapped(bool in_order, const F& f, A&&... arguments) {
    return Results<typename detail::MapOf<F, A...>::Yield, How>(start(in_order, f, std::forward<A>(arguments)...));
  }

  Options options_;
  std::shared_ptr<detail::TaskPool> tasks_;
};

}  // namespace jobhost
