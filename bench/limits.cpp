// What the machine can do at the work of the benchmarks, without jobhost. Prints seconds.
//   limits tbb N    inc over 0..N-1 into memory that was written before, by tbb::parallel_for
//   limits fresh N  the same into memory that was not
//   limits text N   the CSV rows of the same, by one plain loop, to standard output
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace {

std::uint64_t inc(std::uint64_t i) { return i + 1; }

void by_tbb(std::uint64_t n, std::uint64_t* results) {
  tbb::parallel_for(tbb::blocked_range<std::uint64_t>(0, n), [&](const auto& range) {
    for (std::uint64_t i = range.begin(); i < range.end(); ++i) results[i] = inc(i);
  });
  if (results[n / 2] != n / 2 + 1) std::abort();
}

char* append(char* at, std::uint64_t value) { return std::to_chars(at, at + 20, value).ptr; }

void as_text(std::uint64_t n) {
  constexpr std::size_t kBuffer = 1 << 16;
  char buffer[kBuffer + 64];
  char* at = buffer;
  for (std::uint64_t i = 0; i < n; ++i) {
    at = append(at, i);
    *at++ = ',';
    at = append(at, i);
    *at++ = ',';
    at = append(at, inc(i));
    *at++ = '\n';
    if (at > buffer + kBuffer - 64) {
      std::fwrite(buffer, 1, static_cast<std::size_t>(at - buffer), stdout);
      at = buffer;
    }
  }
  std::fwrite(buffer, 1, static_cast<std::size_t>(at - buffer), stdout);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view work = argv[1];
  const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
  const auto results = std::make_unique_for_overwrite<std::uint64_t[]>(n);
  if (work == "tbb") std::memset(results.get(), 1, n * sizeof results[0]);
  const auto begin = std::chrono::steady_clock::now();
  work == "text" ? as_text(n) : by_tbb(n, results.get());
  std::fprintf(stderr, "%.9f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}
