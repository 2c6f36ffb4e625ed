#include "report/failure_groups.hpp"

#include <catch2/catch.hpp>

using namespace jobhost;

static host::Explanation failure(const std::string& what, const std::string& where) {
  host::Explanation words;
  words.kind = "exception";
  words.type = "std::runtime_error";
  words.what = what;
  words.where = where;
  return words;
}

TEST_CASE("failures of one place that differ by numbers alone are one group, and so are those without a place") {
  report::FailureGroups groups;
  CHECK(groups.add(3, failure("unlucky 13", "check at pi.cpp:3")) == 0u);
  CHECK(groups.add(4, failure("cannot open 'run-4.dat'", "")) == 1u);
  CHECK(groups.add(17, failure("cannot open 'run-17.dat'", "")) == 1u);
  CHECK(groups.add(18, failure("cannot close 'run-18.dat'", "")) == 2u);
  for (std::uint64_t task = 20; task < 30; ++task)
    CHECK(groups.add(task, failure("cannot open 'run-1.dat'", "")) == 1u);
  CHECK(groups.largest_first() == std::vector<std::size_t>{1, 0, 2});
  CHECK(groups.groups()[1].count == 12);
  CHECK(groups.groups()[1].tasks == std::vector<std::uint64_t>{4, 17, 20, 21, 22});
  CHECK(groups.groups()[1].first.what == "cannot open 'run-4.dat'");
}

TEST_CASE("messages of one place are groups of their own, as long as they are few") {
  report::FailureGroups groups;
  const std::string place = "require at pi.cpp:3";
  CHECK(groups.add(0, failure("n=3 is odd", place)) == 0u);
  CHECK(groups.add(1, failure("NaN", place)) == 1u);
  CHECK(report::headline(groups.groups()[0]) == "std::runtime_error: n=3 is odd");
  CHECK(groups.add(2, failure("n=51 is odd", place)) == 0u);
  CHECK(report::headline(groups.groups()[0]) == "std::runtime_error: n=3 is odd (or alike)");
  for (std::uint64_t task = 3; task < 100; ++task) groups.add(task, failure(std::string(task, 'x'), place));
  CHECK(groups.groups().size() == 20);
  CHECK(groups.groups()[19].count == 80);
  CHECK_FALSE(groups.groups()[19].same_message);
  CHECK(groups.groups()[1].same_message);
  host::Explanation crash = failure("segmentation fault at 0xfa", place);
  crash.kind = "crash";
  CHECK(groups.add(200, crash) == 20u);
  crash.what = "segmentation fault at 0x3";
  CHECK(groups.add(201, crash) == 20u);
}

TEST_CASE("however many kinds of failure there are, groups are bounded and the rest is counted") {
  report::FailureGroups groups;
  for (std::uint64_t task = 0; task < 1000; ++task) {
    groups.add(task, failure("bad", "f at line" + std::string(task, 'x')));
  }
  CHECK(groups.groups().size() == 200);
  CHECK(groups.left_out() == 800);
  CHECK(groups.add(2000, failure("bad", "f at line")) == 0u);
}
