#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <ranges>
#include <set>
#include <span>
#include <thread>

#include "jobhost/jobhost.hpp"
#include "support/temporary_directory.hpp"

namespace {

std::vector<double> table;
int calibration[3] = {1, 2, 3};
const jobhost::Global table_travels(table);
const jobhost::Global calibration_travels(calibration);

int square(int x) { return x * x; }

int sleep_for(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  return milliseconds;
}

int wait_for_file(const std::string& path) {
  while (!std::filesystem::exists(path)) sleep_for(1);
  return 300;
}

/// The first four processes that load this program while the variable names a file are killed.
const bool spared = [] {
  const char* path = std::getenv("JOBHOST_TEST_KILLED_LOADS");
  if (!path) return true;
  std::FILE* const file = std::fopen(path, "a");
  std::fputc('x', file);
  std::fclose(file);
  return std::filesystem::file_size(path) > 4 || ::kill(::getpid(), SIGKILL) != 0;
}();

const std::vector<std::string> kBackends = {"processes", "threads"};

}  // namespace

TEST_CASE("a pool has the verbs, and its workers are the same from call to call") {
  for (const auto& backend : kBackends) {
    jobhost::Pool pool({.backend = backend, .workers = 2});
    const std::vector<int> inputs{1, 2, 3};
    const std::vector<int> squares{1, 4, 9};
    CHECK(pool.pipe(square, 7) == 49);
    CHECK(pool.map(square, inputs).to_vector() == squares);
    CHECK(pool.imap(square, inputs).to_vector() == squares);
    std::set<std::pair<std::uint64_t, int>> unordered;
    for (const auto& pair : pool.uimap(square, inputs)) unordered.insert(pair);
    CHECK(unordered == std::set<std::pair<std::uint64_t, int>>{{0, 1}, {1, 4}, {2, 9}});
    CHECK(pool.amap(square, inputs).get() == squares);
    CHECK(pool.starmap([](int a, int b) { return a - b; }, std::vector<std::pair<int, int>>{{5, 1}, {7, 4}})
              .to_vector() == std::vector<int>{4, 3});
    CHECK(pool.map_reduce(square, std::plus<>(), 0, inputs) == 14);
    CHECK(pool.pipe([] {}) == jobhost::Nothing());
    const auto pid = [](int) { return static_cast<int>(::getpid()); };
    std::set<int> pids;
    for (int i = 0; i < 50; ++i) pids.insert(pool.pipe(pid, i));
    CHECK(pids.size() <= 2);
    CHECK(!pids.contains(static_cast<int>(::getpid())));
  }
}

TEST_CASE("calls of a pool complete in any order, and more may be open than it has room for") {
  jobhost::Pool pool({.workers = 2});
  std::vector<jobhost::PoolCall<int>> calls;
  const jobhost::test::TemporaryDirectory folder;
  calls.push_back(pool.apipe(wait_for_file, folder / "go"));
  calls.push_back(pool.apipe(square, 1));
  CHECK_FALSE(calls[0].wait_for(std::chrono::milliseconds(1)));
  CHECK(pool.wait_any(calls) == 1);
  CHECK(calls[1].get() == 1);
  std::ofstream(folder / "go");
  CHECK(calls[0].get() == 300);
  calls.clear();
  for (int i = 0; i < 2000; ++i) calls.push_back(pool.apipe(square, i));
  for (int i = 1999; i >= 0; --i) REQUIRE(calls[static_cast<std::size_t>(i)].get() == i * i);
  CHECK_THROWS_AS(pool.wait_any(std::vector<jobhost::PoolCall<int>>()), std::invalid_argument);
}

TEST_CASE("a pool serves several threads, and endless ranges as far as they are read") {
  jobhost::Pool pool({.workers = 2});
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, &wrong, t] {
      for (int i = 0; i < 500; ++i) wrong += pool.pipe(square, t * 500 + i) != (t * 500 + i) * (t * 500 + i);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  int expected = 0;
  for (const int value : pool.map(square, std::views::iota(0))) {
    REQUIRE(value == expected * expected);
    if (++expected == 1000) break;
  }
  CHECK(pool.pipe(square, 5) == 25);
}

TEST_CASE("large arguments and results pass through a pool, and shared values once") {
  jobhost::Pool pool({.workers = 2});
  std::vector<double> large(1'000'000);
  std::iota(large.begin(), large.end(), 0.0);
  const auto sum = [](std::span<const double> v) { return std::accumulate(v.begin(), v.end(), 0.0); };
  CHECK(pool.pipe(sum, large) == 499999500000.0);
  CHECK(pool.pipe(sum, jobhost::common(large)) == 499999500000.0);
  CHECK(pool.pipe([](std::size_t n) { return std::vector<double>(n, 2.0); }, 500'000).size() == 500'000);
  const auto shared = pool.share<std::span<const double>>(large);
  const auto at = [](std::span<const double> v, std::size_t i) { return v[i]; };
  const std::vector<std::size_t> places{7, 999'999};
  CHECK(pool.map(at, shared, places).to_vector() == std::vector<double>{7, 999'999});
  // More values than a worker keeps mapped.
  std::vector<jobhost::Shared<std::span<const double>>> many;
  for (int i = 0; i < 20; ++i) many.push_back(pool.share<std::span<const double>>(std::vector<double>(5000, i)));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20; ++i) REQUIRE(pool.pipe(at, many[static_cast<std::size_t>(i)], std::size_t{4999}) == i);
  }
}

TEST_CASE("globals that were declared are in workers what they are here") {
  table = {1.5, 2.5};
  calibration[2] = 33;
  const auto read = [](int i) { return table.at(static_cast<std::size_t>(i)) + calibration[2]; };
  const std::vector<int> places{0, 1};
  for (const auto& backend : kBackends) {
    CHECK(jobhost::map({.backend = backend}, read, places).to_vector() == std::vector<double>{34.5, 35.5});
    CHECK(jobhost::Pool({.backend = backend}).map(read, places).to_vector() == std::vector<double>{34.5, 35.5});
  }
  table = {7};
  CHECK(jobhost::pipe(read, 0) == 40);
}

TEST_CASE("a pool survives what its tasks do") {
  for (const auto& backend : kBackends) {
    jobhost::Pool pool({.backend = backend, .workers = 2, .timeout = 0.3, .retries = 1});
    CHECK_THROWS_WITH(pool.pipe([]() -> int { std::abort(); }), Catch::Contains("SIGABRT"));
    CHECK_THROWS_WITH(pool.pipe([]() -> int { std::exit(3); }), Catch::Contains("exit(3)"));
    CHECK_THROWS_WITH(pool.pipe(sleep_for, 600'000), Catch::Contains("ran longer than 0.3 s"));
    CHECK(pool.pipe(square, 9) == 81);
    // The neighbours of a task that crashes are run again.
    auto results = pool.outcomes([](int x) { return x == 20 ? std::abort(), 0 : square(x); }, std::views::iota(0, 60));
    int seen = 0;
    for (auto outcome : results) {
      CHECK(static_cast<bool>(outcome) == (seen != 20));
      if (outcome) CHECK(outcome.value() == seen * seen);
      ++seen;
    }
    CHECK(seen == 60);
  }
}

TEST_CASE("what a range throws comes after the results of what it gave before, and ends the map") {
  jobhost::Pool pool({.workers = 2});
  const auto inputs = std::views::iota(0, 20'000) | std::views::transform([](int i) {
                        if (i == 15'000) throw std::range_error("no more");
                        return i % 1000;
                      });
  int seen = 0, wrong = 0;
  auto results = pool.map(square, inputs);
  auto it = results.begin();
  const auto read_all = [&] {
    for (; it != results.end(); ++it, ++seen) wrong += *it != square(seen % 1000);
  };
  CHECK_THROWS_AS(read_all(), std::range_error);
  CHECK(++seen == 15'000);  // the last was read before the iterator moved on
  CHECK(wrong == 0);
  ++it;
  CHECK(it == results.end());
  auto none = pool.map(
      square, std::views::iota(0, 3) | std::views::transform([](int) -> int { throw std::range_error("none"); }));
  CHECK_THROWS_AS(none.begin(), std::range_error);
}

TEST_CASE("a pool is as fast after a task that crashed once and then succeeded") {
  const std::string flag = std::filesystem::temp_directory_path() / ("jobhost-test-once-" + std::to_string(::getpid()));
  jobhost::Pool pool({.workers = 1});
  const auto crash_once = [](const std::string& path) {
    std::FILE* const first = std::fopen(path.c_str(), "wx");
    if (first) std::abort();
    return 7;
  };
  CHECK(pool.pipe(crash_once, flag) == 7);
  std::filesystem::remove(flag);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // lanes sleep
    CHECK(pool.pipe(square, i) == i * i);
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

TEST_CASE("workers of a pool that are killed from outside are replaced, and no call is lost") {
  jobhost::Pool pool({.workers = 2});
  const auto parent = [](int milliseconds) {
    sleep_for(milliseconds);
    return static_cast<int>(::getppid());
  };
  const int worker = pool.pipe(parent, 0);
  std::vector<jobhost::PoolCall<int>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(pool.apipe(parent, 20));
  REQUIRE(::kill(worker, SIGKILL) == 0);
  for (auto& call : calls) CHECK(call.get() > 0);
  CHECK(pool.pipe(parent, 0) != worker);
}

TEST_CASE("executors that are killed from outside while they start are replaced") {
  const std::string path =
      std::filesystem::temp_directory_path() / ("jobhost-test-loads-" + std::to_string(::getpid()));
  ::setenv("JOBHOST_TEST_KILLED_LOADS", path.c_str(), 1);
  CHECK(jobhost::pipe({.workers = 1}, [] { return spared; }));
  ::unsetenv("JOBHOST_TEST_KILLED_LOADS");
  CHECK(std::filesystem::file_size(path) == 5);
  std::filesystem::remove(path);
}

TEST_CASE("what is given up is not begun, and a pool refuses what it cannot keep") {
  jobhost::Pool pool({.workers = 1});
  auto first = pool.apipe(sleep_for, 100);
  const std::string mark = std::filesystem::temp_directory_path() / ("jobhost-test-mark-" + std::to_string(::getpid()));
  auto second = pool.apipe([](const std::string& path) { std::filesystem::create_directory(path); }, mark);
  second.cancel();
  CHECK(first.get() == 100);
  CHECK(pool.pipe(square, 2) == 4);
  CHECK_FALSE(std::filesystem::exists(mark));
  CHECK_THROWS_WITH(jobhost::Pool({.store = "somewhere"}), Catch::Contains("leave Options::store empty"));
  CHECK_THROWS_AS(jobhost::Pool({.backend = "fibers"}), std::invalid_argument);
  for (const double seconds : {std::nan(""), -1.0, HUGE_VAL}) {
    CHECK_THROWS_AS(jobhost::Pool({.timeout = seconds}), std::invalid_argument);
  }
  { const auto forgotten = pool.apipe(sleep_for, 600'000); }  // the pool's end ends it
}

TEST_CASE("a pool tells progress, of ranges without a known length as far as they were read") {
  std::vector<jobhost::Progress> told;
  jobhost::Pool pool({.workers = 2, .progress = [&](const auto& now) { told.push_back(now); }});
  auto odd = std::views::iota(0, 100) | std::views::filter([](int x) { return x % 2 == 1; });
  CHECK(pool.map(square, odd).to_vector().size() == 50);
  REQUIRE_FALSE(told.empty());
  CHECK(told.back().done == 50);
  CHECK(told.back().tasks == 50);
}

TEST_CASE("maps of a pool that nobody reads on make room for others, up to a number") {
  jobhost::Pool pool({.workers = 2});
  const auto inputs = std::views::iota(0, 10);
  const auto half_read = [&] {
    auto results = std::make_unique<decltype(pool.map(square, inputs))>(pool.map(square, inputs));
    auto at = results->begin();
    CHECK(*at == 0);
    return std::pair(std::move(results), at);
  };
  std::vector<decltype(half_read())> maps;
  std::vector<std::unique_ptr<decltype(pool.map(square, inputs))>> unread;
  for (int i = 0; i < 300; ++i)
    unread.push_back(std::make_unique<decltype(pool.map(square, inputs))>(pool.map(square, inputs)));
  for (int i = 0; i < 200; ++i) maps.push_back(half_read());
  CHECK(pool.pipe(square, 7) == 49);
  for (auto& results : unread) CHECK(results->to_vector().size() == 10);
  const auto too_many = [&] {
    for (int i = 0; i < 100; ++i) maps.push_back(half_read());
  };
  CHECK_THROWS_WITH(too_many(), Catch::Contains("256 maps of the pool have been read in part"));
  maps.pop_back();
  CHECK(pool.pipe(square, 8) == 64);
  for (auto& [results, at] : maps) {
    ++at;
    CHECK(*at == 1);
  }
}

TEST_CASE("random numbers of a pool follow its calls") {
  const auto draw = [] { return jobhost::rng()(); };
  jobhost::Pool first({.workers = 2, .seed = 9}), second({.backend = "threads", .workers = 1, .seed = 9});
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t number = first.pipe(draw);
    CHECK(second.pipe(draw) == number);
    numbers.insert(number);
  }
  CHECK(numbers.size() == 20);
}
