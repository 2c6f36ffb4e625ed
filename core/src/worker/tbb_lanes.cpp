#include <sys/resource.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <latch>

#include "worker/executor.hpp"

namespace jobhost::worker {
namespace {

/// Bytes of stack that a lane has: as many as the main thread of a program with this limit.
std::size_t stack_of_lanes() {
  constexpr std::size_t kUnlimited = 256 << 20;
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
  return limit.rlim_cur;
}

}  // namespace

void run_lanes(unsigned lanes, const std::function<void(unsigned)>& lane) {
  // More lanes than cores are allowed: every lane gets a thread of its own, the calling one included.
  tbb::global_control limit(tbb::global_control::max_allowed_parallelism, lanes);
  tbb::global_control stack(tbb::global_control::thread_stack_size, stack_of_lanes());
  tbb::task_arena arena(static_cast<int>(lanes));
  // No lane starts computing while another is still a task in the arena: a kernel that itself waits on TBB could
  // otherwise pick that lane up in the middle of its own task.
  std::latch all_started(lanes), others_ended(lanes - 1);
  const auto run = [&](unsigned i) {
    all_started.arrive_and_wait();
    lane(i);
  };
  // Enqueued: for a task that is spawned, as by a task_group, TBB does not promise to wake a thread.
  for (unsigned i = 1; i < lanes; ++i) {
    arena.enqueue([&run, &others_ended, i] {
      run(i);
      others_ended.count_down();
    });
  }
  arena.execute([&run] { run(0); });
  others_ended.wait();
}

}  // namespace jobhost::worker
