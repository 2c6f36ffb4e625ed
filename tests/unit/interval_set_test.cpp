#include "store/interval_set.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

using namespace jobhost::store;

TEST_CASE("an interval set behaves like a set of numbers") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    IntervalSet intervals;
    std::set<std::uint64_t> numbers;
    for (int step = 0; step < 40; ++step) {
      const std::uint64_t first = random() % 100, end = first + random() % 20;
      std::uint64_t fresh = 0;
      for (std::uint64_t i = first; i < end; ++i) fresh += numbers.insert(i).second;
      CHECK(intervals.add({first, end}) == fresh);
      REQUIRE(intervals.size() == numbers.size());
    }
    for (std::uint64_t i = 0; i < 130; ++i) CHECK(intervals.contains(i) == (numbers.count(i) > 0));
    const std::uint64_t first = random() % 60, end = first + random() % 60;
    std::set<std::uint64_t> missing;
    std::uint64_t last_end = 0;
    for (const auto& gap : intervals.missing({first, end})) {
      CHECK(gap.first < gap.end);
      CHECK((last_end == 0 || gap.first > last_end));  // gaps are not adjacent
      last_end = gap.end;
      for (std::uint64_t i = gap.first; i < gap.end; ++i) missing.insert(i);
    }
    for (std::uint64_t i = first; i < end; ++i) CHECK(missing.count(i) == (numbers.count(i) == 0));
  }
}
