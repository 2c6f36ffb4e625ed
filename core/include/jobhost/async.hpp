#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "jobhost/results.hpp"

namespace jobhost {

/// A map or call that runs beside the program; made by amap and apipe. Its member functions may be called from several
/// threads. The destructor cancels what is not done and waits for workers to end.
template <class T>
class Async {
 public:
  /// `collect` makes the answer on a thread of its own.
  template <class Collect>
  Async(std::unique_ptr<detail::JobSequence> jobs, Collect collect) : state_(std::make_unique<State>()) {
    state_->jobs = std::move(jobs);
    state_->thread = std::thread([state = state_.get(), collect] {
      std::optional<T> value;
      std::exception_ptr error;
      try {
        value = collect(*state->jobs);
      } catch (...) {
        error = std::current_exception();
      }
      const std::lock_guard lock(state->mutex);
      state->value = std::move(value);
      state->error = error;
      state->ready = true;
      state->changed.notify_all();
    });
  }
  Async(Async&&) noexcept = default;
  Async& operator=(Async&&) = delete;
  ~Async() {
    if (!state_) return;
    state_->jobs->cancel();
    state_->thread.join();
  }

  /// Whether get() would not wait.
  bool ready() const {
    const std::lock_guard lock(state_->mutex);
    return state_->ready;
  }
  /// Until it is ready.
  void wait() const {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->ready; });
  }
  /// True when it became ready in time.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> time) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, time, [this] { return state_->ready; });
  }
  /// Waits and moves the answer out, once; rethrows what the first failed task threw.
  T get() {
    wait();
    if (state_->error) std::rethrow_exception(state_->error);
    return std::move(*state_->value);
  }
  /// Starts nothing new; get() then gives what was done before, for a map, or throws, for a call.
  void cancel() { state_->jobs->cancel(); }
  /// Tasks that are done.
  std::uint64_t done() const { return state_->jobs->done(); }

 private:
  struct State {
    std::unique_ptr<detail::JobSequence> jobs;
    std::thread thread;
    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    bool ready = false;
    std::optional<T> value;
    std::exception_ptr error;
  };
  std::unique_ptr<State> state_;
};

}  // namespace jobhost
