#include "worker/print_watch.hpp"

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "store/printed.hpp"

namespace jobhost::worker {

PrintWatch::PrintWatch(base::Env& env, Lane& lane, store::JobDirectory job, std::string printed)
    : env_(env), lane_(lane), job_(std::move(job)), printed_(std::move(printed)) {
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 12);  // whole lines outlive a crash
}

bool PrintWatch::note(std::uint64_t first, std::uint64_t count, std::uint64_t started) {
  std::cout.flush();
  std::fflush(stdout);
  base::FileStatus status;
  if (env_.status(STDOUT_FILENO, status) < 0) return false;  // the kernel closed it
  const std::uint64_t begin = lane_.printed.load(std::memory_order_relaxed);
  if (status.size <= begin) return false;
  store::note_printed(env_, job_, printed_, {first, count, begin, status.size - begin, started});
  lane_.printed.store(status.size, std::memory_order_relaxed);
  return true;
}

}  // namespace jobhost::worker
