#include "worker/memory_limit.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace jobhost::worker {
namespace {

void set_soft_limit(std::uint64_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_DATA, &limit);
  limit.rlim_cur = std::min<rlim_t>(bytes, limit.rlim_max);
  ::setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace

MemoryLimit::MemoryLimit(base::Env& env, std::uint64_t bytes, unsigned lanes)
    : bytes_(bytes * lanes), shared_(lanes > 1) {
  if (bytes_ == 0) return;
  sizes_ = base::File(env, "/proc/self/statm", O_RDONLY);
  rlimit limit{};
  ::getrlimit(RLIMIT_DATA, &limit);
  outside_ = limit.rlim_cur;
}

void MemoryLimit::begin_tasks() {
  if (bytes_ == 0) return;
  unsigned char text[128] = {};
  sizes_.read_at(0, {text, sizeof text - 1});
  // size resident shared text lib data dirty, in pages; "data" is what RLIMIT_DATA limits, and the stack.
  unsigned long data = 0;
  std::sscanf(reinterpret_cast<const char*>(text), "%*u %*u %*u %*u %*u %lu", &data);
  set_soft_limit(std::min(outside_, data * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + bytes_));
}

void MemoryLimit::end_tasks() {
  if (bytes_ > 0 && !shared_) set_soft_limit(outside_);
}

}  // namespace jobhost::worker
