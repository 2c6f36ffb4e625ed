// What the machine can do at the work of the benchmarks, in one process and without jobhost. Prints seconds.
//   limits inc N       i -> i+1 for 0..N-1 into memory that was not touched before, by tbb::parallel_for
//   limits warm N      the same into memory that was written before
//   limits one N       the same, a task of TBB for each
//   limits spin N      13 us tasks by tbb::parallel_for
//   limits serial N    13 us tasks in one thread
//   limits fussy N     1 % throw; a status per task, by tbb::parallel_for
//   limits doomed N    all throw; the same
//   limits common N    100 MB read by N tasks, by tbb::parallel_for
//   limits large N     N copies of 1 MB by memcpy
//   limits line N      one cache line from a thread that spins to another one and back, N times: median
//   limits text N      CSV rows of inc by one plain loop, to standard output
//   limits lines-WORK  a number a line from standard input to a result a line: inc, spin, or fussy ("" where it throws)
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../work.hpp"

namespace {

template <class Result, class Task>
std::unique_ptr<Result[]> mapped(std::uint64_t n, std::uint64_t grain, bool warm, double& seconds, const Task& task) {
  auto results = std::make_unique_for_overwrite<Result[]>(n);
  if (warm) std::memset(static_cast<void*>(results.get()), 1, n * sizeof results[0]);
  const auto begin = std::chrono::steady_clock::now();
  const auto run = [&](const auto& range) {
    for (std::uint64_t i = range.begin(); i < range.end(); ++i) results[i] = task(i);
  };
  const oneapi::tbb::blocked_range<std::uint64_t> all(0, n, grain == 0 ? 1 : grain);
  if (grain == 1) {
    oneapi::tbb::parallel_for(all, run, oneapi::tbb::simple_partitioner());
  } else {
    oneapi::tbb::parallel_for(all, run);
  }
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return results;
}

char* append(char* at, std::uint64_t value) { return std::to_chars(at, at + 20, value).ptr; }

void as_text(std::uint64_t n) {
  constexpr std::size_t kBuffer = 1 << 16;
  char buffer[kBuffer + 64];
  char* at = buffer;
  for (std::uint64_t i = 0; i < n; ++i) {
    for (const std::uint64_t value : {i, i}) {
      at = append(at, value);
      *at++ = ',';
    }
    at = append(at, work::inc(i));
    *at++ = '\n';
    if (at > buffer + kBuffer - 64) {
      std::fwrite(buffer, 1, static_cast<std::size_t>(at - buffer), stdout);
      at = buffer;
    }
  }
  std::fwrite(buffer, 1, static_cast<std::size_t>(at - buffer), stdout);
  std::fflush(stdout);
}

struct Tried {
  double value;
  bool failed;
};

template <class Task>
Tried tried(const Task& task, std::uint64_t i) {
  try {
    return {task(i), false};
  } catch (const std::exception&) {
    return {0, true};
  }
}

/// What no hand-over between two cores can beat.
double median_round_trip(std::uint64_t n) {
  using Clock = std::chrono::steady_clock;
  alignas(64) static std::atomic<std::uint64_t> turn{0};
  std::thread other([n] {
    for (std::uint64_t i = 0; i < n; ++i) {
      while (turn.load(std::memory_order_acquire) != 2 * i + 1) {
      }
      turn.store(2 * i + 2, std::memory_order_release);
    }
  });
  std::vector<double> times;
  times.reserve(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto begin = Clock::now();
    turn.store(2 * i + 1, std::memory_order_release);
    while (turn.load(std::memory_order_acquire) != 2 * i + 2) {
    }
    times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  other.join();
  std::sort(times.begin(), times.end());
  return times[n / 2];
}

int filter(std::string_view what) {
  std::ios::sync_with_stdio(false);
  for (std::uint64_t i; std::cin >> i;) {
    if (what == "inc") {
      std::cout << work::inc(i) << '\n';
    } else if (what == "spin") {
      std::cout << work::spin(i) << '\n';
    } else if (const Tried result = tried(work::fussy, i); result.failed) {
      std::cout << '\n';
    } else {
      std::cout << result.value << '\n';
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what.starts_with("lines-")) return filter(what.substr(6));
  if (argc != 3) return 2;
  const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
  const oneapi::tbb::global_control two(oneapi::tbb::global_control::max_allowed_parallelism, 2);
  double seconds = 0;
  oneapi::tbb::parallel_for(0, 64, [](int) {});  // its threads are there
  const auto begin = std::chrono::steady_clock::now();
  const auto since = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  if (what == "inc" || what == "warm" || what == "one") {
    if (mapped<std::uint64_t>(n, what == "one" ? 1 : 0, what == "warm", seconds, work::inc)[n / 2] != n / 2 + 1)
      return 1;
  } else if (what == "spin") {
    mapped<std::uint64_t>(n, 0, true, seconds, work::spin);
  } else if (what == "serial") {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) sum += work::spin(i);
    seconds = since();
    if (sum == 1) return 1;
  } else if (what == "fussy") {
    mapped<Tried>(n, 0, true, seconds, [](std::uint64_t i) { return tried(work::fussy, i); });
  } else if (what == "doomed") {
    mapped<Tried>(n, 0, true, seconds, [](std::uint64_t i) { return tried(work::doomed, i); });
  } else if (what == "line") {
    seconds = median_round_trip(n);
  } else if (what == "common") {
    const std::vector<double> table(work::kCommon, 0.5);
    mapped<double>(n, 0, true, seconds, [&](std::uint64_t i) { return work::read_common(table, i); });
  } else if (what == "large") {
    const std::vector<double> from = work::large(1);
    std::vector<double> to(from.size());
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < n; ++i) {
      std::memcpy(to.data(), from.data(), from.size() * sizeof(double));
      __asm__ volatile("" : : "r"(to.data()) : "memory");
    }
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  } else if (what == "text") {
    as_text(n);
    seconds = since();
  } else {
    return 2;
  }
  std::fprintf(stderr, "%.9f\n", seconds);
}
