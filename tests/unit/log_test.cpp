#include <fcntl.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <map>

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

/// Time passes when a test says so.
class ShiftedClock : public base::PosixEnv {
 public:
  std::uint64_t shift_ns = 0;
  std::uint64_t monotonic_ns() override { return base::PosixEnv::monotonic_ns() + shift_ns; }
};

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

TEST_CASE("one flipped bit anywhere in a log costs at most one frame, and is noticed") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  const std::uint64_t frames = 4;
  write_log(env, folder / "log", frames);
  const auto whole = base::read_file(env, folder / "log", 1 << 20);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto damaged = whole;
    damaged[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
    overwrite(env, folder / "damaged", damaged);
    store::LogReader reader(env, folder / "damaged", kManifest);
    std::uint64_t count = 0;
    base::Bytes bytes;
    while (const auto frame = reader.next()) {
      REQUIRE(reader.read_payload(*frame, bytes));
      REQUIRE(bytes == payload_of(frame->header.first, 5 * frame->header.first));
      ++count;
    }
    const bool in_header = bit / 8 < sizeof(store::SegmentHeader);
    REQUIRE(count == (in_header ? frames : frames - 1));
    REQUIRE(reader.header_mended() == in_header);
    const bool said = in_header || !reader.gaps().empty() || reader.tail() == store::LogReader::Tail::kDamaged;
    REQUIRE(said);
  }
}

TEST_CASE("two flipped bits in the header of a log make it a log of nothing") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  write_log(env, folder / "log", 2);
  auto damaged = base::read_file(env, folder / "log", 1 << 20);
  damaged[33] ^= 1;
  damaged[35] ^= 1;
  overwrite(env, folder / "log", damaged);
  store::LogReader reader(env, folder / "log", kManifest);
  CHECK_FALSE(reader.next());
  CHECK(reader.tail() == store::LogReader::Tail::kDamaged);
}

TEST_CASE("a reader that saw a hole in a growing log takes what turns up in it later") {
  test::TemporaryDirectory folder;
  ShiftedClock env;
  write_log(env, folder / "log", 6);
  const auto whole = base::read_file(env, folder / "log", 1 << 20);
  // Headers of frames 2 and 3, and the payload of frame 4, are not there yet.
  auto early = whole;
  std::uint64_t begins[6], at = 64;
  for (std::uint64_t i = 0; i < 6; ++i) {
    begins[i] = at;
    at += 64 + store::padded(5 * i);
  }
  std::fill(early.begin() + static_cast<std::ptrdiff_t>(begins[2]),
            early.begin() + static_cast<std::ptrdiff_t>(begins[4]), 0);
  std::fill(early.begin() + static_cast<std::ptrdiff_t>(begins[4]) + 64,
            early.begin() + static_cast<std::ptrdiff_t>(begins[5]), 0);
  overwrite(env, folder / "log", early);
  store::LogReader reader(env, folder / "log", kManifest);
  std::vector<std::uint64_t> tasks;
  const auto read = [&] {
    while (const auto frame = reader.next()) tasks.push_back(frame->header.first);
  };
  read();
  CHECK(tasks == std::vector<std::uint64_t>{0, 1, 5});
  CHECK(reader.gaps().size() == 2);
  overwrite(env, folder / "log", whole);
  read();
  CHECK(tasks.size() == 3);  // not looked at again at once
  env.shift_ns += 1'000'000'000;
  read();
  CHECK(tasks == std::vector<std::uint64_t>{0, 1, 5, 2, 3, 4});
  CHECK(reader.gaps().empty());
}

TEST_CASE("large frames are found behind a damaged one, too") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  {
    store::LogWriter log(env, folder / "log", kWorker, 0, kManifest);
    for (std::uint64_t i = 0; i < 4; ++i) {
      log.append({store::FrameKind::kResults, i, 1, 10, 1, 0}, {payload_of(i, 200'003)});
    }
  }
  const auto whole = base::read_file(env, folder / "log", 1 << 20);
  for (const std::size_t place : {64 + 5, 64 + 64, 64 + 64 + 150'000, 64 + 64 + 200'002, 64 + 64 + 200'004}) {
    auto damaged = whole;
    damaged[place] ^= 1;
    overwrite(env, folder / "log", damaged);
    store::LogReader reader(env, folder / "log", kManifest);
    base::Bytes bytes;
    for (std::uint64_t i = 1; i < 4; ++i) {
      const auto frame = reader.next();
      REQUIRE(frame);
      CHECK(frame->header.first == i);
      REQUIRE(reader.read_payload(*frame, bytes));
      CHECK(bytes == payload_of(i, 200'003));
    }
    CHECK_FALSE(reader.next());
    CHECK(reader.gaps().size() == 1);
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
  auto again = two;
  again.insert(again.end(), two.begin() + 64, two.begin() + 128);  // the first frame once more
  overwrite(env, folder / "again", again);
  CHECK(read_log(env, folder / "again") == 3);
  store::LogReader foreign(env, folder / "two", store::Id128{4, 4, 4});
  CHECK_FALSE(foreign.next());
}

TEST_CASE("more logs than a process may have files open are followed") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  const store::JobDirectory job(folder / "job");
  base::make_directories(env, job.logs() + "/ab");
  constexpr std::size_t kLogs = 100;
  for (std::size_t i = 0; i < kLogs; ++i) {
    const std::string id = "ab" + std::string(27, '0') + std::to_string(100 + i);
    store::LogWriter log(env, job.logs() + "/ab/" + id + ".0.0", kWorker, 0, kManifest);
    for (const std::uint64_t task : {2 * i, 2 * i + 1}) {
      log.append({store::FrameKind::kResults, task, 1, 10, 1, 0}, {payload_of(task, 100'000)});
    }
  }

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit tight{80, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  store::LogSet logs(env, job, kManifest);
  logs.discover();
  std::map<std::uint64_t, std::pair<std::size_t, store::Frame>> frames;  // by task
  logs.read([&](std::size_t log, const store::Frame& frame) { frames[frame.header.first] = {log, frame}; });
  CHECK(frames.size() == 2 * kLogs);
  for (const auto& [task, where] : frames) {
    base::Bytes bytes;
    REQUIRE(logs.log(where.first).read_payload(where.second, bytes));
    REQUIRE(bytes == payload_of(task, 100'000));
  }
  CHECK(logs.findings().empty());
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("what others wrote behind the records of a log is taken off") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  write_log(env, folder / "log", 3);
  const auto whole = base::read_file(env, folder / "log", 1 << 20);
  const auto displaced = base::Bytes(whole.begin() + 64, whole.end());
  auto touched = whole;
  touched.insert(touched.end(), {'j', 'u', 'n', 'k'});
  touched.insert(touched.end(), displaced.begin(), displaced.end());
  overwrite(env, folder / "log", touched);
  for (int i = 0; i < 2; ++i) {
    store::trim_log(env, folder / "log", kManifest);
    CHECK(base::read_file(env, folder / "log", 1 << 20) == whole);
  }
  store::trim_log(env, folder / "none", kManifest);
  CHECK_FALSE(base::exists(env, folder / "none"));
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
