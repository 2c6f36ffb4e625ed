// The C++ API, timed from inside a program. Prints seconds.
//   bench_program BACKEND WORK N [CHUNK]    BACKEND: processes or threads, two lanes
// WORK, by a job of its own, from the call of map until the last result was read:
//   inc     i -> i+1                        spin    13 us each
//   fussy   1 % throw; an outcome each      doomed  all throw; an outcome each
//   large   1 MB results, as values         common  100 MB read by N tasks
// on a pool that is there already:
//   pool-views (1 MB results where they lie)  pool-inc  pool-spin  pool-fussy  pool-large  pool-common
//   call      one call at once after the one before: median and 99th percentile of N
//   asleep    the same when everybody has gone to sleep
//   pipe      one call with a job of its own: median of N
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <jobhost/jobhost.hpp>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "work.hpp"

using Clock = std::chrono::steady_clock;

static double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

static void require(bool fine) {
  if (fine) return;
  std::fprintf(stderr, "a result is wrong\n");
  std::exit(1);
}

/// Seconds until the last result was read.
template <class Results, class Look>
static double drained(Clock::time_point begin, Results results, std::uint64_t n, const Look& look) {
  std::uint64_t i = 0;
  for (auto it = results.begin(); it != results.end(); ++it) look(i++, *it);
  const double seconds = seconds_since(begin);
  require(i == n);
  return seconds;
}

static void look_at_fussy(std::uint64_t i, auto outcome) {
  require(static_cast<bool>(outcome) == (i % 100 != 99));
  if (outcome) require(outcome.value() == static_cast<double>(i));
}
static void look_at_view(std::uint64_t i, std::span<const double> values) {
  require(values.size() == work::kLarge && values[i % work::kLarge] == static_cast<double>(i));
}
static void look_at_large(std::uint64_t i, const std::vector<double>& values) {
  require(values.size() == work::kLarge && values[i % work::kLarge] == static_cast<double>(i));
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string what = argv[2];
  const std::uint64_t n = std::strtoull(argv[3], nullptr, 10);
  const jobhost::Options options{
      .backend = argv[1], .workers = 2, .chunk = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0};
  const auto inputs = std::views::iota(std::uint64_t{0}, n);
  const auto look_at_inc = [](std::uint64_t i, std::uint64_t value) { require(value == i + 1); };
  const auto ignore = [](std::uint64_t, auto) {};
  const auto look_at_sum = [](std::uint64_t, double sum) { require(sum == 6250); };
  std::vector<double> table(what == "common" || what == "pool-common" ? work::kCommon : 0, 0.5);

  const auto begin = Clock::now();
  double seconds = 0;
  if (what == "inc") {
    seconds = drained(begin, jobhost::map(options, work::inc, inputs), n, look_at_inc);
  } else if (what == "spin") {
    seconds = drained(begin, jobhost::map(options, work::spin, inputs), n, ignore);
  } else if (what == "fussy") {
    seconds = drained(begin, jobhost::outcomes(options, work::fussy, inputs), n,
                      [](std::uint64_t i, auto outcome) { look_at_fussy(i, std::move(outcome)); });
  } else if (what == "doomed") {
    seconds = drained(begin, jobhost::outcomes(options, work::doomed, inputs), n,
                      [](std::uint64_t, auto outcome) { require(!outcome); });
  } else if (what == "large") {
    seconds = drained(begin, jobhost::map(options, work::large, inputs), n, look_at_large);
  } else if (what == "common") {
    seconds = drained(begin, jobhost::map(options, work::read_common, jobhost::common(table), inputs), n, look_at_sum);
  } else if (what == "pipe") {
    std::vector<double> times;
    for (std::uint64_t i = 0; i < n; ++i) {
      const auto start = Clock::now();
      require(jobhost::pipe(options, work::inc, i) == i + 1);
      times.push_back(seconds_since(start));
    }
    std::sort(times.begin(), times.end());
    seconds = times[n / 2];
  } else {
    jobhost::Pool pool(options);
    pool.map([](int) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }, std::vector<int>(8)).to_vector();
    const auto start = Clock::now();
    if (what == "pool-inc") {
      seconds = drained(start, pool.map(work::inc, inputs), n, look_at_inc);
    } else if (what == "pool-spin") {
      seconds = drained(start, pool.map(work::spin, inputs), n, ignore);
    } else if (what == "pool-common") {
      seconds = drained(start, pool.map(work::read_common, jobhost::common(table), inputs), n, look_at_sum);
    } else if (what == "pool-fussy") {
      seconds = drained(start, pool.outcomes(work::fussy, inputs), n,
                        [](std::uint64_t i, auto outcome) { look_at_fussy(i, std::move(outcome)); });
    } else if (what == "pool-views") {
      seconds = drained(start, pool.views(work::large, inputs), n, look_at_view);
    } else if (what == "pool-large") {
      seconds = drained(start, pool.map(work::large, inputs), n, look_at_large);
    } else if (what == "call" || what == "asleep") {
      std::vector<double> times;
      for (std::uint64_t i = 0; i < n; ++i) {
        if (what == "asleep") std::this_thread::sleep_for(std::chrono::milliseconds(3));
        const auto call = Clock::now();
        require(pool.pipe(work::inc, i) == i + 1);
        times.push_back(seconds_since(call));
      }
      std::sort(times.begin(), times.end());
      std::printf("%.9f %.9f\n", times[n / 2], times[n * 99 / 100]);
      return 0;
    } else {
      return 2;
    }
  }
  std::printf("%.9f\n", seconds);
}
