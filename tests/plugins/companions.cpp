// Kernels that use what processes have only one of, or threads of their own.
#include <omp.h>
#include <tbb/blocked_range.h>
#include <tbb/parallel_reduce.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <numeric>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

double with_tbb(int n) {
  return tbb::parallel_deterministic_reduce(
      tbb::blocked_range<int>(1, n + 1), 0.0,
      [](const auto& range, double sum) {
        for (int i = range.begin(); i != range.end(); ++i) sum += 1.0 / i;
        return sum;
      },
      std::plus<>());
}

double with_openmp(int n) {
  double sum = 0;
#pragma omp parallel for reduction(+ : sum) schedule(static)
  for (int i = 1; i <= n; ++i) sum += i;
  return sum;
}

int openmp_threads(int) { return omp_get_max_threads(); }

long with_threads(int n) {
  std::atomic<long> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < n; i += 4) sum += i;
    });
  }
  for (auto& thread : threads) thread.join();
  return sum;
}

std::string with_iostream(double x) {
  std::cout << "value " << x << std::endl;
  std::cerr << "error " << x << '\n';
  std::ostringstream text;
  text << std::setprecision(3) << std::fixed << x;
  return text.str();
}

/// Every lane has a counter of its own; their sum is the number of calls on this process's threads.
int with_thread_local(int x) {
  thread_local std::vector<int> seen;
  seen.push_back(x);
  return seen.back() == x && std::count(seen.begin(), seen.end(), x) == 1 ? x : -1;
}

int in_other_thread(int x) {
  thread_local int mine = 7;
  int other = 0;
  mine = x;
  std::thread([&] { other = mine; }).join();
  return other;  // that thread's own, as it is initialised
}
