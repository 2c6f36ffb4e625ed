#pragma once

#include "jobhost/verbs.hpp"

namespace jobhost {

/// One call on a pool; made by Pool::apipe. For one thread at a time. The destructor gives the call up: it is not begun
/// if it was not yet, and what it returns is forgotten.
template <class T>
class PoolCall {
 public:
  PoolCall(std::shared_ptr<detail::TaskPool> pool, std::unique_ptr<detail::PoolTask> task)
      : pool_(std::move(pool)), task_(std::move(task)), number_(task_->number()) {}

  /// Its number in the pool, from 0.
  std::uint64_t task() const { return number_; }
  /// Whether get() would not wait.
  bool ready() const { return task_->ready(); }
  /// Until it is ready.
  void wait() const { wait_for(std::chrono::nanoseconds::max()); }
  /// True when it became ready in time.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> time) const {
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
    const auto limit = static_cast<std::uint64_t>(std::max<decltype(nanoseconds)>(nanoseconds, 0));
    detail::PoolTask* const only = task_.get();
    return pool_->wait_any({&only, 1}, limit) == 0;
  }
  /// Waits and gives the result, once; rethrows what the call threw.
  T get() {
    wait();
    const auto task = std::move(task_);
    const detail::Outcome outcome = task->end();
    if (outcome.failure) detail::rethrow(*outcome.failure);
    return detail::decoded<T>(outcome);
  }
  /// Gives the call up. There is nothing to get() afterwards.
  void cancel() { task_.reset(); }

 private:
  friend class Pool;
  std::shared_ptr<detail::TaskPool> pool_;
  std::unique_ptr<detail::PoolTask> task_;  // goes before the pool
  std::uint64_t number_;
};

/// Workers that are kept between calls: a call costs tens of microseconds instead of the start of processes. For
/// algorithms that decide from results what to compute next. The verbs are those of the library, with the same
/// callables and arguments; calls of any of them, from any thread, share the workers and are begun in the order in
/// which they were posted. At most 256 calls are open at a time: beyond that a verb waits, so memory does not grow.
/// Maps are posted some way ahead of what is read.
///
/// The pool's job lives in memory shared with its workers: it is in no store, cannot be resumed, and ends with the
/// pool. Crashes, time-outs and retries are as for other jobs. All Options but store apply. jobhost::Global variables
/// travel when the pool is made. Tasks are numbered through from 0 over all calls, for jobhost::rng() and for the
/// failures of pipe and apipe.
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
    return PoolCall<typename CallOf::Yield>(tasks_, tasks_->post(std::move(made.call)));
  }
  /// Position of a call that is ready, waiting until one is. Throws std::invalid_argument for no calls.
  template <class T>
  std::size_t wait_any(const std::vector<PoolCall<T>>& calls) {
    if (calls.empty()) throw std::invalid_argument("wait_any: there is no call to wait for");
    std::vector<detail::PoolTask*> tasks;
    for (const auto& call : calls) tasks.push_back(call.task_.get());
    return tasks_->wait_any(tasks, UINT64_MAX);
  }

  /// As the verbs of the same names, with the options of the pool.
  template <class F, class... A>
  auto map(const F& f, A&&... arguments) {
    return mapped<detail::AsValue>(true, f, std::forward<A>(arguments)...);
  }
  template <class... A>
  auto imap(A&&... arguments) {
    return map(std::forward<A>(arguments)...);
  }
  template <class F, class... A>
  auto views(const F& f, A&&... arguments) {
    return mapped<detail::AsView>(true, f, std::forward<A>(arguments)...);
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
        tasks_->map(std::move(made.call), std::move(made.feed), made.tasks, in_order, options_.stop), options_);
  }
  template <template <class> class How, class F, class... A>
  auto mapped(bool in_order, const F& f, A&&... arguments) {
    return Results<typename detail::MapOf<F, A...>::Yield, How>(start(in_order, f, std::forward<A>(arguments)...));
  }

  Options options_;
  std::shared_ptr<detail::TaskPool> tasks_;
};

}  // namespace jobhost
