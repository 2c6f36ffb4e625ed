#include "store/mailbox.hpp"

#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>
#include <set>

#include "store/result_arena.hpp"

using namespace jobhost;
using store::Mailbox;
using store::RequestColumn;
using store::TaskState;
using Kind = store::RequestColumn::Kind;

namespace {

struct Given {
  Mailbox host;
  Mailbox lane{::dup(host.fd())};

  void post(unsigned slot, std::uint64_t first, std::uint64_t count, std::optional<std::uint64_t> result_size = 8) {
    const std::vector<store::Request::Column> none;
    host.post(slot, {1, result_size, first, count, none});
  }
  std::uint64_t ended(unsigned slot) const {
    const auto view = host.view(slot);
    return store::count_ended(host.memory().at(view.states, view.count), view.count);
  }
  void answer(unsigned slot, std::uint64_t index, std::uint64_t count) {
    lane.answer(slot, index, std::vector<TaskState>(count, TaskState::kOk));
  }
};

base::ByteView bytes_of(const Mailbox& mailbox, const RequestColumn& column) {
  return {mailbox.memory().at(column.data, column.size), column.size};
}

base::Bytes pattern(std::size_t size, unsigned char start) {
  base::Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), start);
  return bytes;
}

}  // namespace

TEST_CASE("a request comes to lanes as it was posted, whatever its size") {
  Given given;
  const auto size = GENERATE(as<std::size_t>{}, 16, 3000, 200'000, 5'000'000);
  const base::Bytes constant = pattern(24, 1), fixed = pattern(size, 7);
  const std::vector<store::Request::Column> columns{
      {{Kind::kConstant, 0, 0, constant.size()}, constant},
      {{Kind::kFixed, 8, 0, fixed.size()}, fixed},
      {{Kind::kRange, 4, 77, 0}, {}},
  };
  for (int round = 0; round < 2; ++round) {  // the second time in memory that was used before
    const std::uint64_t first = 1000u + static_cast<unsigned>(round) * 2;
    given.host.post(5, {0x1234, 16, first, 2, columns});
    CHECK(given.lane.posted() == first + 2);
    const unsigned slot = given.lane.find(first + 1, 0);
    CHECK(slot == 5);
    const auto request = given.lane.view(slot);
    CHECK(request.entry == 0x1234);
    CHECK(request.result_size == 16);
    CHECK(request.first == first);
    CHECK(request.count == 2);
    CHECK_FALSE(request.by_place);
    REQUIRE(request.columns.size() == 3);
    CHECK(std::ranges::equal(bytes_of(given.lane, request.columns[0]), constant));
    CHECK(std::ranges::equal(bytes_of(given.lane, request.columns[1]), fixed));
    CHECK(request.columns[2].kind == Kind::kRange);
    CHECK(request.columns[2].data == 77);
    CHECK(given.lane.state(request, 0) == TaskState::kPosted);
    CHECK(given.lane.state(request, 1) == TaskState::kPosted);
    std::memset(given.lane.memory().at(request.results, 32), 9, 32);
    given.answer(slot, 0, 2);
    CHECK(given.ended(5) == 2);
    CHECK(given.host.state(given.host.view(5), 1) == TaskState::kOk);
    CHECK(given.host.memory().at(request.results, 32)[31] == 9);
    given.host.free(5);
  }
}

TEST_CASE("tasks are found in the slots they are in, until they have their reply") {
  Given given;
  std::uint64_t first = 0;
  for (unsigned slot = 0; slot < Mailbox::kSlots; ++slot) {
    given.post(slot, first, 1 + slot % 5);
    first += 1 + slot % 5;
  }
  std::vector<std::uint64_t> all(first);
  std::iota(all.begin(), all.end(), std::uint64_t{0});
  CHECK(given.lane.unanswered() == all);
  for (std::uint64_t task = 0; task < first; ++task) {
    const unsigned slot = given.lane.find(task, static_cast<unsigned>(task % Mailbox::kSlots));
    const auto request = given.lane.view(slot);
    CHECK((request.first <= task && task < request.first + request.count));
  }
  given.answer(2, 1, 1);
  const std::uint64_t answered = given.lane.view(2).first + 1;
  CHECK_FALSE(given.lane.find_unanswered(answered));
  CHECK(given.lane.find_unanswered(answered - 1) == 2u);
  std::erase(all, answered);
  CHECK(given.lane.unanswered() == all);
  given.answer(0, 0, 1);
  given.host.free(0);
  CHECK_THROWS_AS(given.lane.find(0, 0), base::Error);
  CHECK_THROWS_AS(given.lane.find(first, 0), base::Error);
}

TEST_CASE("how many tasks ended is seen from their states, also when a lane was killed while it wrote them") {
  Given given;
  given.post(3, 0, 21);
  CHECK(given.ended(3) == 0);
  given.answer(3, 0, 5);
  given.lane.answer(3, 10, std::vector<TaskState>(11, TaskState::kFailed));
  CHECK(given.ended(3) == 16);
  const auto view = given.lane.view(3);
  std::memset(given.lane.memory().at(view.states, view.count) + 5, static_cast<int>(TaskState::kOk), 2);
  CHECK(given.ended(3) == 18);
  given.answer(3, 7, 3);
  CHECK(given.ended(3) == 21);
  CHECK(given.host.unanswered().empty());
}

TEST_CASE("a cancelled request says so to lanes") {
  Given given;
  given.post(3, 0, 10);
  CHECK_FALSE(given.lane.cancelled(3));
  given.host.cancel(3);
  CHECK(given.lane.cancelled(3));
  given.answer(3, 0, 10);
  given.host.free(3);
  given.post(3, 10, 10);
  CHECK_FALSE(given.lane.cancelled(3));
}

TEST_CASE("room for shared values is used again") {
  Given given;
  const std::uint64_t small = given.host.share(100), large = given.host.share(70 << 20);
  CHECK(small != large);
  std::memset(given.host.memory().in_huge_pages(large, 70 << 20), 3, 70 << 20);
  CHECK(given.lane.memory().at(large, 70 << 20)[(70 << 20) - 1] == 3);
  given.host.unshare(large, 70 << 20);
  CHECK(given.lane.memory().at(large, 1)[0] == 0);
  CHECK(given.host.share(65 << 20) == large);
  CHECK(given.host.share(100) != small);
}

TEST_CASE("results in an arena stay until the host lets go of them, and their blocks are used again") {
  Given given;
  store::ResultArena arena(given.lane, 7);
  std::vector<store::Place> places;
  std::set<std::uint32_t> blocks;
  const auto write = [&](std::size_t size, unsigned char value) {
    std::memset(arena.room(size).data, value, size);
    places.push_back(arena.commit(size, 1));
    blocks.insert(places.back().block);
  };
  for (unsigned i = 0; i < 200; ++i) write(50'000, static_cast<unsigned char>(i));
  for (unsigned i = 0; i < 200; ++i) {
    const auto* data = given.host.memory().at(places[i].offset, places[i].size);
    CHECK((data[0] == i && data[49'999] == i));
  }
  const std::size_t used = blocks.size();
  // One that takes the place of a dead lane writes over nothing that is still to be read.
  store::ResultArena heir(given.lane, 7);
  std::memset(heir.room(1000).data, 99, 1000);
  const auto place = heir.commit(1000, 1);
  CHECK(given.host.memory().at(places[0].offset, 1)[0] == 0);
  CHECK(given.host.memory().at(place.offset, 1)[0] == 99);
  for (const auto& old : places) given.host.block(old).live.fetch_sub(1);
  for (unsigned i = 0; i < 100; ++i) write(50'000, 1);
  CHECK(blocks.size() == used);
}

TEST_CASE("a room that grows keeps what was written, also beyond what is mapped together") {
  Given given;
  store::ResultArena arena(given.lane, 0);
  std::memcpy(arena.room(10).data, "0123456789", 10);
  const std::uint64_t large = 100 << 20;
  const auto room = arena.room(large, 10);
  CHECK(room.size >= large);
  CHECK(std::memcmp(room.data, "0123456789", 10) == 0);
  room.data[large - 1] = 42;
  const auto place = arena.commit(large, 1);
  CHECK(given.host.memory().at(place.offset, place.size)[large - 1] == 42);
  CHECK(given.host.memory().at(place.offset + 5, 3)[0] == '5');
}

TEST_CASE("failures come back from an arena with the files of their stacks") {
  Given given;
  store::ResultArena arena(given.lane, 1);
  store::Failure failure;
  failure.thrown = {{"St12domain_error", "unlucky"}};
  failure.stack = {{1, 0x42}};
  const std::vector<std::string> modules{"/lib/a.so", "/lib/b.so"};
  const auto first = arena.write_failure(failure, modules), second = arena.write_failure(failure, modules);
  const auto back = store::read_failure(given.host, second);
  CHECK(back.failure == failure);
  CHECK(store::read_modules(given.host, back.modules) == modules);
  CHECK(store::read_failure(given.host, first).modules.offset == back.modules.offset);
  CHECK(store::read_modules(given.host, store::Place()).empty());
}
