// Each thing that crosses from a program into libjobhost.
#include <cstdio>
#include <jobhost/jobhost.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

static int half(int x) {
  if (x % 2 != 0) throw std::invalid_argument(std::to_string(x) + " is odd");
  return x / 2;
}

static int offset = 1;
static const jobhost::Global offset_travels(offset);

int main(int, char** argv) {
  const jobhost::Options options{.backend = argv[1], .workers = 2};
  std::vector<int> xs(1000);
  std::iota(xs.begin(), xs.end(), 0);
  offset = 5;

  long sum = 0;
  for (const int y : jobhost::map(
           options, [](int x) { return half(2 * x) + offset; }, xs))
    sum += y;
  std::printf("map %ld\n", sum);

  sum = 0;
  for (const auto& [i, y] : jobhost::uimap(
           options, [](const std::string& s) { return s + "!"; }, std::vector<std::string>{"a", "bc"})) {
    sum += static_cast<long>(i + y.size());
  }
  std::printf("uimap %ld\n", sum);

  try {
    jobhost::pipe(options, half, 7);
  } catch (const std::invalid_argument& error) {
    std::printf("pipe %s\n", error.what());
  }

  int failed = 0;
  for (const auto& outcome : jobhost::outcomes(options, half, xs)) failed += outcome ? 0 : 1;
  std::printf("outcomes %d\n", failed);

  jobhost::Pool pool(options);
  std::printf("pool %d %d\n", pool.apipe(half, 84).get(), pool.apipe(half, 10).get());

  std::printf("map_reduce %ld\n",
              jobhost::map_reduce(
                  options, [](int x) { return long{x}; }, [](long a, long b) { return a + b; }, 0L, xs));
}
