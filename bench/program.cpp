// The C++ API, timed from inside a program: bench_program map N | bench_program pipe N. Prints seconds (for pipe: the
// median of one call).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <jobhost/jobhost.hpp>
#include <string_view>
#include <vector>

static double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int n = std::atoi(argv[2]);
  if (std::string_view(argv[1]) == "map") {
    const auto begin = std::chrono::steady_clock::now();
    long sum = 0;
    for (const long y : jobhost::map([](long x) { return x + 1; }, std::views::iota(0L, static_cast<long>(n))))
      sum += y;
    std::printf("%.6f\n", seconds_since(begin));
    return sum == static_cast<long>(n) * (n + 1L) / 2 ? 0 : 1;
  }
  std::vector<double> times;
  for (int i = 0; i < n; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (jobhost::pipe([](int x) { return x + 1; }, i) != i + 1) return 1;
    times.push_back(seconds_since(begin));
  }
  std::sort(times.begin(), times.end());
  std::printf("%.6f\n", times[times.size() / 2]);
  return 0;
}
