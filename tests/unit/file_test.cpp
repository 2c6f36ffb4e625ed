#include "base/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "base/checksum.hpp"
#include "support/fault_env.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

TEST_CASE("crc32c has the published values") {
  CHECK(base::crc32c(base::as_bytes("123456789")) == 0xe3069283u);
  CHECK(base::crc32c(base::Bytes(32, 0)) == 0x8a9136aau);     // RFC 3720, B.4
  CHECK(base::crc32c(base::Bytes(32, 0xff)) == 0x62a8ab43u);  // RFC 3720, B.4
}

TEST_CASE("crc32c of a whole equals that of its parts, at any split") {
  base::Bytes bytes(10'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i * 131 + i / 7);
  const auto whole = base::crc32c(bytes);
  for (const std::size_t split : {0u, 1u, 7u, 8u, 3071u, 3072u, 3073u, 6144u, 9999u, 10'000u}) {
    const base::ByteView view(bytes);
    CHECK(base::crc32c(view.subspan(split), base::crc32c(view.first(split))) == whole);
  }
}

TEST_CASE("sha256 has the published value") {
  CHECK(base::sha256_hex(base::as_bytes("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("an atomic write leaves the old or the new content and nothing else, whatever call fails") {
  test::TemporaryDirectory folder;
  const std::string path = folder / "file";
  for (const auto mode : {test::FaultEnv::Mode::kFail, test::FaultEnv::Mode::kLostReply}) {
    for (const int error : {ENOSPC, EIO, EDQUOT}) {
      for (std::uint64_t at = 1;; ++at) {
        test::FaultEnv env;
        base::write_file_atomically(env, path, base::as_bytes("old"), true);
        env.plant({at, error, mode, {}, false});
        bool failed = false;
        try {
          base::write_file_atomically(env, path, base::as_bytes("new content"), true);
        } catch (const base::Error& failure) {
          failed = true;
          CHECK(failure.code() == base::ExitCode::kBackendFailed);
        }
        const bool struck = env.calls() >= at;
        env.plant({});
        const base::Bytes found = base::read_file(env, path, 100);
        const std::string content(base::as_text(found));
        CHECK((content == "old" || content == "new content"));
        if (!failed) CHECK(content == "new content");
        std::vector<std::string> names;
        env.list(folder.path(), names);
        CHECK(names == std::vector<std::string>{"file"});
        if (!struck) {
          CHECK(at > 5);
          break;
        }
      }
    }
  }
}

TEST_CASE("short and interrupted writes are continued") {
  test::TemporaryDirectory folder;
  test::FaultEnv env;
  SECTION("short") {
    env.plant({1, 0, test::FaultEnv::Mode::kShortWrite, {test::Call::kWrite}, true});
    base::write_file_atomically(env, folder / "file", base::as_bytes("all of this"), false);
    CHECK(env.calls() > 3);
  }
  SECTION("interrupted") {
    env.plant({1, EINTR, test::FaultEnv::Mode::kFail, {test::Call::kWrite}, false});
    base::write_file_atomically(env, folder / "file", base::as_bytes("all of this"), false);
    CHECK(env.calls() == 2);
  }
  const base::Bytes found = base::read_file(env, folder / "file", 100);
  CHECK(base::as_text(found) == "all of this");
}

TEST_CASE("a full disk is said in words") {
  test::TemporaryDirectory folder;
  test::FaultEnv env;
  env.plant({1, ENOSPC, test::FaultEnv::Mode::kFail, {test::Call::kWrite}, false});
  CHECK_THROWS_WITH(base::write_file_atomically(env, folder / "file", base::as_bytes("x"), false),
                    Catch::Contains("cannot write") && Catch::Contains("no space left on device"));
}

TEST_CASE("read_file refuses a file larger than makes sense") {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  base::write_file_atomically(env, folder / "file", base::Bytes(101), false);
  CHECK_THROWS_WITH(base::read_file(env, folder / "file", 100), Catch::Contains("101 bytes"));
}

TEST_CASE("a process is started, waited for, and told how it ended") {
  base::PosixEnv env;
  base::ExitStatus status;
  const int pid = env.spawn({"/bin/sh", {"sh", "-c", "exit 7"}, {}, -1, -1, -1, {}, false});
  REQUIRE(pid > 0);
  REQUIRE(env.wait(pid, true, status) == pid);
  CHECK_FALSE(status.signaled);
  CHECK(status.code == 7);
  const int killed = env.spawn({"/bin/sh", {"sh", "-c", "kill -9 $$"}, {}, -1, -1, -1, {}, false});
  REQUIRE(env.wait(killed, true, status) == killed);
  CHECK(status.signaled);
  CHECK(status.code == 9);
  CHECK(env.spawn({"/no/such/program", {"x"}, {}, -1, -1, -1, {}, false}) == -ENOENT);
}

TEST_CASE("a copy of the process has the wanted descriptors only") {
  base::PosixEnv env;
  base::ExitStatus status;
  const int wanted = env.open("/dev/null", O_RDONLY, 0), other = env.open("/dev/null", O_RDONLY, 0);
  base::SpawnRequest request;
  request.keep = {wanted};
  request.new_session = true;
  const int pid = env.fork(request, [&] {
    const bool fine = ::fcntl(wanted, F_GETFD) >= 0 && ::fcntl(other, F_GETFD) < 0 && ::isatty(0) == 0 &&
                      ::fcntl(1, F_GETFD) >= 0 && ::fcntl(2, F_GETFD) >= 0 && ::getsid(0) == ::getpid();
    return fine ? 7 : 1;
  });
  REQUIRE(pid > 0);
  REQUIRE(env.wait(pid, true, status) == pid);
  CHECK(status.code == 7);
  env.close(wanted);
  env.close(other);
}

TEST_CASE("what cannot be looked at is neither there nor missing") {
  test::TemporaryDirectory folder;
  test::FaultEnv env;
  const std::string path = folder / "file";
  CHECK_FALSE(base::exists(env, path));
  base::write_file_atomically(env, path, base::as_bytes("text"), false);
  CHECK(base::exists(env, path));
  for (const int error : {EIO, ESTALE}) {
    env.plant({1, error, test::FaultEnv::Mode::kFail, {test::Call::kStatus}});
    CHECK_THROWS_WITH(base::exists(env, path), Catch::Contains("cannot look at '" + path + "'"));
    env.plant({1, error, test::FaultEnv::Mode::kFail, {test::Call::kStatus}});
    CHECK_THROWS_WITH(base::make_directories(env, folder.path()), !Catch::Contains("not a directory"));
    env.plant({1, error, test::FaultEnv::Mode::kFail, {test::Call::kList}});
    CHECK_THROWS_WITH(base::names_in(env, folder.path()), Catch::Contains("cannot list '" + folder.path() + "'"));
  }
  env.plant({});
  CHECK(base::names_in(env, folder.path()) == std::vector<std::string>{"file"});
  CHECK(base::names_in(env, folder / "missing").empty());
  CHECK_THROWS_WITH(base::make_directories(env, path), Catch::Contains("not a directory"));
}
