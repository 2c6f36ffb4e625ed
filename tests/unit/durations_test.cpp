#include "report/durations.hpp"

#include <catch2/catch.hpp>
#include <numeric>

using namespace jobhost;

TEST_CASE("quantiles of durations are good to two percent, from nanoseconds to months") {
  report::Durations durations;
  for (int i = 1; i <= 10'000; ++i) durations.add(i * 1e-3, 1, false);
  CHECK(durations.count() == 10'000);
  CHECK(durations.minimum() == 1e-3);
  CHECK(durations.maximum() == 10);
  CHECK(durations.mean() == Approx(5.0005));
  for (const double share : {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99}) {
    CHECK(durations.quantile(share) == Approx(share * 10).epsilon(0.02));
  }
  CHECK(durations.quantile(0) == Approx(1e-3).epsilon(0.03));
  CHECK(durations.quantile(1) == 10);

  report::Durations extremes;
  extremes.add(0, 3, true);
  extremes.add(1e9, 2, false);
  CHECK(extremes.quantile(0.5) <= 1.1e-9);
  CHECK(extremes.quantile(0.9) <= 1e9);
  CHECK(extremes.together() == 3);
  CHECK(extremes.mean() == Approx(4e8));

  report::Durations batches;  // of an empty loop
  for (int i = 0; i < 100; ++i) batches.add((0.5 + i * 0.01) * 1e-9, 1000, true);
  CHECK(batches.quantile(0.5) == Approx(1e-9).epsilon(0.02));
  CHECK(batches.quantile(0.05) == Approx(0.55e-9).epsilon(0.02));
}

TEST_CASE("a histogram of durations has all tasks in at most so many bins") {
  report::Durations durations;
  CHECK(durations.histogram(60).counts.empty());
  CHECK(durations.quantile(0.5) == 0);
  durations.add(0.04, 7, false);
  auto histogram = durations.histogram(60);
  CHECK(histogram.counts == std::vector<std::uint64_t>{7});
  REQUIRE(histogram.edges.size() == 2);
  CHECK(histogram.edges[0] <= 0.04);
  CHECK(histogram.edges[1] > 0.04);
  for (const double longest : {0.05, 0.5, 70.0, 3e4, 1e7}) {
    durations.add(longest, 2, false);
    histogram = durations.histogram(60);
    CHECK(histogram.counts.size() <= 60);
    CHECK(histogram.edges.size() == histogram.counts.size() + 1);
    CHECK(std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::uint64_t{0}) == durations.count());
    CHECK(std::is_sorted(histogram.edges.begin(), histogram.edges.end()));
    CHECK(histogram.edges.back() >= longest);
  }
}
