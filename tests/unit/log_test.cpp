#include <fcntl.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "base/file.hpp"
#include "store/failure.hpp"
#include "store/log_reader.hpp"
#include "store/log_set.hpp"
#include "store/log_writer.hpp"
#include "support/fault_env.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

namespace {

const store::Id128 kWorker{1, 2, 3}, kManifest{9, 8, 7};

base::Bytes payload_of(std::uint64_t first, std::size_t size) {
  base::Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(first * 31 + i);
  return bytes;
}

/// Frame number i covers task i and has a payload of another size each.
void write_log(base::Env& env, const std::string& path, std::uint64_t frames) {
  store::LogWriter log(env, path, kWorker, 3, kManifest);
  for (std::uint64_t i = 0; i < frames; ++i) {
    const auto payload = payload_of(i, 5 * i);
    log.append({store::FrameKind::kResults, i, 1, 10, 1, 0}, {payload});
  }
}

/// How many frames are read before the first bad one; every payload that passes must be the one written.
std::uint64_t read_log(base::Env& env, const std::string& path) {
  store::LogReader reader(env, path, kManifest);
  std::uint64_t count = 0;
  base::Bytes bytes;
  while (const auto frame = reader.next()) {
    if (!reader.read_payload(*frame, bytes)) break;
    REQUIRE(frame->header.first == count);
    REQUIRE(bytes == payload_of(count, 5 * count));
    ++count;
  }
  return count;
}

void overwrite(base::Env& env, const std::string& path, const base::Bytes& bytes) {
  base::File file(env, path, O_WRONLY | O_CREAT | O_TRUNC);
  file.write(bytes);
}

}  // namespace

TEST_CASE("frames that are collected come in order, at the latest with a flush") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  store::LogWriter log(env, folder / "log", kWorker, 0, kManifest);
  const auto add = [&](std::uint64_t task, std::size_t size) {
    log.add({store::FrameKind::kResults, task, 1, 1, 1, 0}, {payload_of(task, size)});
  };
  store::LogReader reader(env, folder / "log", kManifest);
  add(0, 5);
  CHECK_FALSE(reader.next());
  log.flush();
  REQUIRE(reader.next());
  for (std::uint64_t task = 1; task < 100; ++task) add(task, task % 10 == 0 ? 100'000 : 2000);
  log.flush();
  base::Bytes bytes;
  for (std::uint64_t task = 1; task < 100; ++task) {
    const auto frame = reader.next();
    REQUIRE(frame);
    CHECK(frame->header.first == task);
    REQUIRE(reader.read_payload(*frame, bytes));
    CHECK(bytes == payload_of(task, task % 10 == 0 ? 100'000 : 2000));
  }
  CHECK_FALSE(reader.next());
}

TEST_CASE("a reader follows a log while it grows") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  store::LogReader reader(env, folder / "log", kManifest);
  CHECK_FALSE(reader.next());
  store::LogWriter log(env, folder / "log", kWorker, 0, kManifest);
  CHECK_FALSE(reader.next());
  const base::Bytes small{1, 2, 3}, large(100'000, 7);
  log.append({store::FrameKind::kResults, 10, 3, 1, 1, 0}, {small});
  const auto first = reader.next();
  REQUIRE(first);
  CHECK(first->header.first == 10);
  CHECK(first->header.count == 3);
  CHECK_FALSE(reader.next());
  log.append({store::FrameKind::kResults, 13, 1, 1, 1, 0}, {small, large});
  const auto second = reader.next();
  REQUIRE(second);
  base::Bytes bytes;
  REQUIRE(reader.read_payload(*second, bytes));
  CHECK(bytes.size() == small.size() + large.size());
  CHECK(reader.tail() == store::LogReader::Tail::kNone);
}

TEST_CASE("a log cut anywhere yields whole frames only") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  write_log(env, folder / "log", 6);
  const auto whole = base::read_file(env, folder / "log", 1 << 20);
  std::uint64_t most = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    overwrite(env, folder / "cut", base::Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    const auto frames = read_log(env, folder / "cut");
    CHECK(frames >= most);
    most = frames;
  }
  CHECK(most == 6);
}

TEST_CASE("a reader rejects a log with one flipped bit, from that frame on") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  write_log(env, folder / "log", 4);
  const auto whole = base::read_file(env, folder / "log", 1 << 20);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto damaged = whole;
    damaged[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
    overwrite(env, folder / "damaged", damaged);
    // Padding is the only place where a flip does no harm: read_log itself requires every accepted payload to be right.
    const auto frames = read_log(env, folder / "damaged");
    if (bit / 8 < sizeof(store::SegmentHeader)) CHECK(frames == 0);
  }
}

TEST_CASE("a frame copied from another log or to another place is not believed") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  write_log(env, folder / "one", 3);
  write_log(env, folder / "two", 3);
  auto one = base::read_file(env, folder / "one", 1 << 20);
  const auto two = base::read_file(env, folder / "two", 1 << 20);
  std::copy(two.begin() + 64, two.end(), one.begin() + 64);
  overwrite(env, folder / "mixed", one);
  CHECK(read_log(env, folder / "mixed") == 0);
  store::LogReader foreign(env, folder / "two", store::Id128{4, 4, 4});
  CHECK_FALSE(foreign.next());
}

TEST_CASE("a failing write leaves a log that ends with its last whole frame") {
  for (const bool large : {false, true}) {
    test::TemporaryDirectory folder;
    test::FaultEnv env;
    store::LogWriter log(env, folder / "log", kWorker, 0, kManifest);
    log.append({store::FrameKind::kResults, 0, 1, 0, 1, 0}, {payload_of(0, 0)});
    env.plant({large ? 2u : 1u, ENOSPC, test::FaultEnv::Mode::kFail, {test::Call::kWrite}, false});
    CHECK_THROWS_AS(log.append({store::FrameKind::kResults, 1, 1, 0, 1, 0}, {base::Bytes(large ? 200'000 : 10)}),
                    base::Error);
    CHECK(read_log(env, folder / "log") == 1);
    base::FileStatus status;
    env.status(folder / "log", status);
    CHECK(status.size == sizeof(store::SegmentHeader) + sizeof(store::FrameHeader));
  }
}

TEST_CASE("failure records come back as they were, and rubbish is refused") {
  store::Failure failure;
  failure.kind = store::FailureKind::kCrash;
  failure.signal = 11;
  failure.thrown = {{"St12domain_error", "what"}, {"i", ""}};
  failure.stack = {{0, 0x1234}, {7, 42}};
  base::Bytes bytes;
  store::encode(failure, bytes);
  CHECK(store::decode_failure(bytes) == failure);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_THROWS_AS(store::decode_failure(base::ByteView(bytes).first(size)), base::Error);
  }
  base::Bytes longer = bytes;
  longer.push_back(0);
  CHECK_THROWS_AS(store::decode_failure(longer), base::Error);
  base::Bytes huge = bytes;
  huge[5 + 7] = 0xff;  // a list of 2^63 exceptions
  CHECK_THROWS_AS(store::decode_failure(huge), base::Error);
}
