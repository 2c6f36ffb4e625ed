#pragma once

#include <ucontext.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "sim/sim_world.hpp"

namespace jobhost::test {

/// Programs that take turns on one thread, each with a stack of its own: whoever sleeps lets the others run. Time is
/// the world's, and passes only while all sleep.
class Fibers {
 public:
  explicit Fibers(SimWorld& world) : world_(world) {}

  /// `program` begins at this time.
  void start(std::uint64_t time, std::function<void()> program);
  /// Runs them all to their ends; what one throws comes out of here.
  void run();
  /// Of the one that runs.
  void sleep_until(std::uint64_t time);

 private:
  struct Fiber {
    std::function<void()> program;
    std::unique_ptr<char[]> stack;
    ucontext_t context{};
    bool ended = false;
  };
  struct Event {
    std::uint64_t time, number;
    Fiber* fiber;
    bool operator>(const Event& other) const { return time != other.time ? time > other.time : number > other.number; }
  };
  static void enter(unsigned high, unsigned low);

  SimWorld& world_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::uint64_t events_made_ = 0;
  Fiber* running_ = nullptr;
  ucontext_t scheduler_{};
  std::exception_ptr failure_;
};

}  // namespace jobhost::test
