#include <catch2/catch.hpp>
#include <thread>

#include "worker/control.hpp"

using namespace jobhost::worker;

namespace {

std::span<Lane> lanes_of(ControlMemory& memory) { return {memory->lane, memory->lanes}; }

void reserve(Lane& lane, const Taken& tasks) {
  note_taken(lane, tasks);
  set_reserve(lane, tasks);
}

}  // namespace

TEST_CASE("a lane begins its reserve from the front, others take its back half in whole chunks") {
  ControlMemory memory(2, Plan{});
  reserve(memory->lane[0], {5, 100, 10});
  CHECK(begin_tasks(memory->lane[0], 3) == jobhost::store::Interval{100, 103});
  const auto stolen = steal(memory->shared, lanes_of(memory), memory->lane[1], 3);
  REQUIRE(stolen);
  CHECK(stolen->span == 5);
  CHECK(stolen->first == 104);
  CHECK(stolen->count == 6);
  CHECK(memory->lane[1].taken_first == 104);
  CHECK(memory->lane[1].taken_end == 110);
  CHECK(begin_tasks(memory->lane[0], 100) == jobhost::store::Interval{103, 104});
  CHECK(begin_tasks(memory->lane[0], 100).size() == 0);
  CHECK_FALSE(steal(memory->shared, lanes_of(memory), memory->lane[1], 1));
}

TEST_CASE("nothing is stolen from a closed reserve, and a refused thief holds nothing") {
  ControlMemory memory(2, Plan{});
  reserve(memory->lane[0], {0, 0, 10});
  close_reserve(memory->lane[0]);
  CHECK_FALSE(steal(memory->shared, lanes_of(memory), memory->lane[1], 1));
  CHECK(memory->lane[1].taken_first == memory->lane[1].taken_end);
  CHECK(begin_tasks(memory->lane[0], 1).size() == 0);
}

TEST_CASE("a call is cut behind the task that runs, once") {
  ControlMemory memory(1, Plan{});
  Lane& lane = memory->lane[0];
  CHECK_FALSE(cut_call(lane));
  reserve(lane, {7, 0, 100});
  lane.batch_first.store(20);
  lane.progress.current = 4;
  lane.batch_end.store(Call{1, 50}.word());
  const auto behind = cut_call(lane);
  REQUIRE(behind);
  CHECK(behind->span == 7);
  CHECK(behind->first == 25);
  CHECK(behind->count == 25);
  CHECK(Call::of(lane.batch_end.load()).end == 25);
  CHECK_FALSE(cut_call(lane));
}

TEST_CASE("every task is begun once while lanes steal from one another") {
  constexpr unsigned kLanes = 4;
  constexpr std::uint64_t kEach = 100'000, kRounds = 8;
  ControlMemory memory(kLanes, Plan{});
  std::vector<std::atomic<unsigned>> begun(kLanes * kEach * kRounds);
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> total{0};
  for (unsigned i = 0; i < kLanes; ++i) {
    threads.emplace_back([&, i] {
      Lane& self = memory->lane[i];
      std::uint64_t rounds = 0;
      while (total < begun.size()) {
        if (const auto stolen = steal(memory->shared, lanes_of(memory), self, 1)) {
          set_reserve(self, *stolen);
        } else if (rounds < kRounds) {
          reserve(self, {0, (rounds++ * kLanes + i) * kEach, kEach});
        }
        for (auto tasks = begin_tasks(self, 1 + i); tasks.size() > 0; tasks = begin_tasks(self, 1 + i)) {
          for (auto task = tasks.first; task < tasks.end; ++task) ++begun[task];
          total += tasks.size();
        }
        forget_taken(self);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(std::all_of(begun.begin(), begun.end(), [](const auto& times) { return times == 1; }));
}
