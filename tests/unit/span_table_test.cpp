#include "worker/span_table.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <thread>

using namespace jobhost;
using namespace jobhost::worker;

namespace {

struct Given {
  Given() : memory(2, Plan{}) {}
  SpanTable table() { return SpanTable(memory->shared, {&memory->lane[0], &memory->lane[1]}); }
  std::optional<Taken> take_one(unsigned lane, std::uint64_t count) {
    return take(memory->shared, memory->lane[lane], hint[lane], UINT64_MAX, [count](std::uint64_t) { return count; });
  }
  void finish(unsigned lane, const Taken& taken) {
    memory->lane[lane].taken_first.store(taken.first + taken.count);
    account(memory->shared, taken.span, taken.count, 0);
  }
  ControlMemory memory;
  std::uint64_t hint[2] = {0, 0};
  std::map<std::uint64_t, std::uint64_t> finished;  // claim -> tasks
  std::vector<store::Interval> again;
  store::IntervalSet done;
  void settle(SpanTable& table) {
    table.settle(
        done, [] {}, [&](std::uint64_t claim, std::uint64_t tasks, std::uint64_t) { finished[claim] += tasks; },
        [&](std::uint64_t, store::Interval tasks) { again.push_back(tasks); });
  }
};

}  // namespace

TEST_CASE("the plan comes back from shared memory as it was written") {
  Plan plan;
  plan.job_directory = "/jobs/one";
  plan.manifest_json = std::string(100'000, '{');
  plan.libraries = {"liba.so", "libb.so"};
  plan.doorbell_fd = 7;
  const ControlMemory memory(3, plan);
  const Plan back = memory.plan();
  CHECK(back.job_directory == plan.job_directory);
  CHECK(back.manifest_json == plan.manifest_json);
  CHECK(back.libraries == plan.libraries);
  CHECK(back.doorbell_fd == 7);
}

TEST_CASE("who maps the memory before there is a plan waits for it") {
  ControlMemory memory(3, ::getpid());
  std::string seen;
  std::thread early([&] { seen = ControlMemory(::dup(memory.fd())).plan().plugin; });
  Plan plan;
  plan.plugin = "a.so";
  memory.publish(plan);
  early.join();
  CHECK(seen == "a.so");
  CHECK(memory->supervisor_pid == ::getpid());
}

TEST_CASE("lanes take every task once, across many more spans than fit at once") {
  Given given;
  auto table = given.table();
  std::uint64_t total = 0;
  for (std::uint64_t claim = 0; claim < 1000; ++claim) {
    table.add(claim, {total, total + claim % 7 + 1});
    total += claim % 7 + 1;
  }
  std::atomic<bool> stop{false};
  std::vector<std::uint64_t> got[2];
  std::vector<std::thread> threads;
  for (unsigned lane = 0; lane < 2; ++lane) {
    threads.emplace_back([&, lane] {
      std::mt19937 random(lane);
      while (!stop) {
        const auto taken = given.take_one(lane, random() % 5 + 1);
        if (!taken) {
          std::this_thread::yield();
          continue;
        }
        for (std::uint64_t i = 0; i < taken->count; ++i) got[lane].push_back(taken->first + i);
        given.finish(lane, *taken);
      }
    });
  }
  std::uint64_t settled = 0;
  while (settled < total) {
    given.settle(table);
    settled = 0;
    for (const auto& [claim, tasks] : given.finished) settled += tasks;
    std::this_thread::yield();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  std::multiset<std::uint64_t> all(got[0].begin(), got[0].end());
  all.insert(got[1].begin(), got[1].end());
  CHECK(all.size() == total);
  CHECK(std::set<std::uint64_t>(all.begin(), all.end()).size() == total);
  CHECK(given.again.empty());
}

TEST_CASE("what a dead lane held is lined up again, less what its log holds") {
  Given given;
  auto table = given.table();
  table.add(5, {100, 200});
  const auto dead = given.take_one(0, 30);   // [100, 130), of which [100, 110) is in the log
  const auto alive = given.take_one(1, 20);  // [130, 150)
  REQUIRE(dead);
  REQUIRE(alive);
  given.done.add({100, 110});
  given.memory->lane[0].taken_first.store(given.memory->lane[0].taken_end.load());
  table.wound(dead->span);
  CHECK_FALSE(given.take_one(0, 1));  // nothing more comes from a wounded span
  given.settle(table);
  CHECK(given.again == std::vector<store::Interval>{{110, 130}, {150, 200}});
  CHECK(given.finished.empty());  // the living lane is still at it
  given.settle(table);
  CHECK(given.again.size() == 2);
  given.done.add({130, 150});
  given.finish(1, *alive);
  given.settle(table);
  CHECK(given.again.size() == 2);
  CHECK(given.finished[5] == 100);
  CHECK_FALSE(table.wounded());
}

TEST_CASE("a lane that dies between its log and its account loses nothing") {
  Given given;
  auto table = given.table();
  table.add(1, {0, 10});
  const auto dead = given.take_one(0, 10);
  REQUIRE(dead);
  given.done.add({0, 10});
  given.memory->lane[0].taken_first.store(10);  // committed, never accounted for
  table.wound(dead->span);
  given.settle(table);
  CHECK(given.again.empty());
  CHECK(given.finished[1] == 10);
}

TEST_CASE("what was given away is not lined up again when the lane dies that had it first") {
  Given given;
  auto table = given.table();
  table.add(3, {0, 50});
  const auto slow = given.take_one(0, 50);
  REQUIRE(slow);
  CHECK(table.give_away(slow->span, {11, 50}) == 3);
  const auto behind = given.take_one(1, 39);
  REQUIRE(behind);
  CHECK(behind->first == 11);
  given.done.add({0, 10});  // task 10 ends the process of lane 0
  forget_taken(given.memory->lane[0]);
  table.wound(slow->span);
  given.settle(table);
  CHECK(given.again == std::vector<store::Interval>{{10, 11}});
  given.finish(1, *behind);
  given.settle(table);
  CHECK(given.finished[3] == 50 + 39);
}
