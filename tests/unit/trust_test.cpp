#include "base/trust.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "base/beneath.hpp"
#include "store/job_directory.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

namespace {

/// A kernel or a sandbox without openat2().
class OldKernel : public base::PosixEnv {
 public:
  int open_beneath(const std::string& root, const std::string& name, int flags, mode_t mode) override {
    return base::open_name_by_name(root, name, flags, mode);
  }
};

std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::kDamaged);
    return error.what();
  }
  return "";
}

void write(const std::string& path, const std::string& text) {
  base::PosixEnv env;
  base::File(env, path, O_WRONLY | O_CREAT).write(base::as_bytes(text));
}

void look_beneath(base::Env& env) {
  const test::TemporaryDirectory folder;
  const std::string root = folder / "job", path = root + "/a/b/file";
  base::make_directories(env, root + "/a/b");
  base::make_directories(env, folder / "outside");
  write(path, "inside");
  write(folder / "outside/file", "outside");
  const auto opened = [&](const std::string& name) {
    return refusal([&] { base::open_beneath(env, root, root + "/" + name, O_RDONLY); });
  };
  CHECK(base::as_text(base::read_beneath(env, root, path, 100)) == "inside");
  CHECK_FALSE(base::open_beneath_if_exists(env, root, root + "/a/none", O_RDONLY));
  CHECK_FALSE(base::open_beneath_if_exists(env, root, root + "/none/file", O_RDONLY));

  REQUIRE(::symlink("file", (root + "/a/b/link").c_str()) == 0);
  CHECK(opened("a/b/link") == "'" + root + "/a/b/link' is a symbolic link, not a file");
  REQUIRE(::symlink((folder / "outside").c_str(), (root + "/out").c_str()) == 0);
  CHECK(opened("out/file") == "'" + root + "/out/file' stands behind a symbolic link");
  REQUIRE(::symlink("b", (root + "/a/inside").c_str()) == 0);
  CHECK(opened("a/inside/file") == "'" + root + "/a/inside/file' stands behind a symbolic link");
  CHECK(opened("../outside/file") == "'" + root + "/../outside/file' is no name of a file in a job");
  CHECK(opened("a/b") == "'" + root + "/a/b' is a directory, not a file");
  CHECK(opened("a/b/file/more") == "'" + root + "/a/b/file/more' stands behind a file");
  REQUIRE(::mkfifo((root + "/fifo").c_str(), 0600) == 0);
  CHECK(opened("fifo") == "'" + root + "/fifo' is a FIFO, not a file");
  CHECK(refusal([&] { base::open_beneath(env, root, root + "/fifo", O_WRONLY | O_APPEND); }) ==
        "'" + root + "/fifo' is a FIFO, not a file");
  CHECK(refusal([&] { base::open_beneath(env, root, root + "/out/new", O_WRONLY | O_CREAT); }) ==
        "'" + root + "/out/new' stands behind a symbolic link");
  CHECK_FALSE(base::exists(env, folder / "outside/new"));
  REQUIRE(::chmod(path.c_str(), 0602) == 0);
  CHECK(opened("a/b/file") == "everybody may write to '" + path + "'");
}

}  // namespace

TEST_CASE("what stands beneath a directory is opened without leaving it") {
  base::PosixEnv env;
  look_beneath(env);
}

TEST_CASE("kernels without openat2 refuse the same") {
  OldKernel env;
  look_beneath(env);
}

TEST_CASE("folders of a job must be directories") {
  base::PosixEnv env;
  const test::TemporaryDirectory folder;
  const std::string root = folder / "job";
  base::make_directories(env, root);
  base::make_directories(env, folder / "outside");
  CHECK(base::list_beneath(env, root + "/none").empty());
  REQUIRE(::symlink((folder / "outside").c_str(), (root + "/logs").c_str()) == 0);
  const std::string text = "'" + root + "/logs' is a symbolic link, not a directory";
  CHECK(refusal([&] { base::list_beneath(env, root + "/logs"); }) == text);
  CHECK(refusal([&] { base::make_directories_beneath(env, root, root + "/logs"); }) == text);
  CHECK(refusal([&] { store::require_trusted(env, store::JobDirectory(root)); }) == text);
}

TEST_CASE("directories that everybody may write to are refused, those of a group are told") {
  base::PosixEnv env;
  const test::TemporaryDirectory folder;
  const std::string above = folder / "above", place = above + "/place";
  base::make_directories(env, place);
  CHECK(base::require_safe_place(env, place).empty());
  REQUIRE(::chmod(above.c_str(), 0777) == 0);
  CHECK(refusal([&] { base::require_safe_place(env, place); }) ==
        "everybody may write to '" + above + "', and so put something else in the place of '" + place + "'");
  CHECK(base::anybody_may_replace(env, place));
  REQUIRE(::chmod(above.c_str(), 01777) == 0);
  CHECK(base::require_safe_place(env, place).empty());
  CHECK_FALSE(base::anybody_may_replace(env, place));
  REQUIRE(::setenv("JOBHOST_TRUST", ("1:" + above).c_str(), 1) == 0);
  REQUIRE(::chmod(above.c_str(), 0777) == 0);
  CHECK(base::require_safe_place(env, place).empty());
  ::unsetenv("JOBHOST_TRUST");

  REQUIRE(::chmod(above.c_str(), 0770) == 0);
  CHECK(base::require_safe_place(env, place).empty());  // of a group of one's own
  if (::geteuid() != 0) return;                         // who else may give files away?
  REQUIRE(::chown(above.c_str(), 0, 12345) == 0);
  CHECK(base::require_safe_place(env, place) ==
        std::vector<std::string>{"a group may write to '" + above + "', and so put something else in the place of '" +
                                 place + "'"});
  REQUIRE(::chown(above.c_str(), 12345, 12345) == 0);
  CHECK(base::require_safe_place(env, place).size() == 1);
  REQUIRE(::chown(place.c_str(), 12345, 12345) == 0);
  CHECK(refusal([&] { base::require_safe_place(env, place); }) == "'" + place + "' belongs to user 12345, not to you");
  REQUIRE(::setenv("JOBHOST_TRUST", "7:12345", 1) == 0);
  CHECK(base::require_safe_place(env, place).empty());
  ::unsetenv("JOBHOST_TRUST");
}

TEST_CASE("names of a job's files are told from others") {
  const std::string id = "0123456789abcdef0123456789abcdef";
  CHECK(store::is_log_name(id + ".0.12"));
  for (const auto& name : {id, id + ".0", id + ".0.", id + ".0.1.2", id + ".x.1", "x" + id + ".0.1", id + "0.1.1",
                           std::string("core"), std::string(), std::string("../") + id + ".0.1"}) {
    CHECK_FALSE(store::is_log_name(name));
  }
  CHECK(store::is_job_name("20261126-031415-5f2a"));
  for (const auto& name : {"", ".", "..", ".gitignore", "-rf", "a/b", "a b", "a\nb", "\x1b[31m", "$(x)"}) {
    CHECK_FALSE(store::is_job_name(name));
  }
}

TEST_CASE("control characters are shown, not sent") {
  CHECK(base::printable("a\x1b[31mb\x07\nc\td\x7f") == "a\\x1b[31mb\\x07\nc\td\\x7f");
  CHECK(base::printable("\xc2\x9b"
                        "31m ä €") == "\\x9b31m ä €");
  CHECK(base::printable("\x9b"
                        "31m \xc3") == "\\x9b31m \\xc3");  // no UTF-8
}

TEST_CASE("variables that steer the loader") {
  for (const char* name : {"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_DEBUG_OUTPUT", "GCONV_PATH"}) {
    CHECK(base::steers_loader(name));
  }
  for (const char* name : {"LDFLAGS", "LANG", "GLIBC_TUNABLES", "OLD_LD_PRELOAD"})
    CHECK_FALSE(base::steers_loader(name));
}
