// The C++ API, timed from inside a program. Prints seconds.
//   bench_program map N       N results of a trivial lambda, read in order
//   bench_program pool N      the same on a pool that is there already
//   bench_program pipe N      one call with a job of its own: median of N
//   bench_program call N      one call on a pool, at once after the one before: median and 99th percentile of N
//   bench_program asleep N    the same when everybody has gone to sleep
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <jobhost/jobhost.hpp>
#include <string_view>
#include <thread>
#include <vector>

static double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Seconds for all results; a wrong sum ends the program.
template <class Map>
static double mapped(long n, const Map& map) {
  const auto begin = std::chrono::steady_clock::now();
  long sum = 0;
  for (const long y : map([](long x) { return x + 1; }, std::views::iota(0L, n))) sum += y;
  const double seconds = seconds_since(begin);
  if (sum != n * (n + 1) / 2) std::exit(1);
  return seconds;
}

// Sorted seconds of single calls.
template <class Call>
static std::vector<double> calls(int n, std::chrono::milliseconds pause, const Call& call) {
  std::vector<double> times;
  for (int i = 0; i < n; ++i) {
    std::this_thread::sleep_for(pause);
    const auto begin = std::chrono::steady_clock::now();
    if (call([](int x) { return x + 1; }, i) != i + 1) std::exit(1);
    times.push_back(seconds_since(begin));
  }
  std::sort(times.begin(), times.end());
  return times;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view what = argv[1];
  const int n = std::atoi(argv[2]);
  if (what == "map") {
    std::printf("%.9f\n", mapped(n, [](const auto& f, const auto& xs) { return jobhost::map(f, xs); }));
    return 0;
  }
  std::chrono::milliseconds pause(0);
  std::vector<double> times;
  if (what == "pipe") {
    times = calls(n, pause, [](const auto& f, int x) { return jobhost::pipe(f, x); });
  } else {
    jobhost::Pool pool({.workers = 2});
    pool.pipe([] {});
    if (what == "pool") {
      std::printf("%.9f\n", mapped(n, [&](const auto& f, const auto& xs) { return pool.map(f, xs); }));
      return 0;
    }
    if (what == "asleep") pause = std::chrono::milliseconds(3);
    times = calls(n, pause, [&](const auto& f, int x) { return pool.pipe(f, x); });
  }
  std::printf("%.9f %.9f\n", times[times.size() / 2], times[times.size() * 99 / 100]);
  return 0;
}
