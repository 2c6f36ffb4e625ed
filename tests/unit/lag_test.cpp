#include "base/lag.hpp"

#include <fcntl.h>
#include <linux/magic.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>

#include "base/beneath.hpp"
#include "bundle/input_reader.hpp"
#include "cli/input_arguments.hpp"
#include "host/submission.hpp"
#include "plugin/inspect.hpp"
#include "store/claims.hpp"
#include "store/log_reader.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

namespace {

/// A file system of any kind, that may hide a name for a number of looks; time passes only while somebody sleeps.
class LaggingEnv : public base::PosixEnv {
 public:
  std::int64_t kind = NFS_SUPER_MAGIC;
  std::string hidden;  // end of a path
  int looks = 0;       // until it is seen
  std::uint64_t now = 1'000'000'000;
  unsigned opened = 0;

  std::int64_t file_system(const std::string&) override { return kind; }
  using PosixEnv::status;
  int status(const std::string& path, base::FileStatus& status) override {
    if (!hidden.empty() && path.ends_with(hidden) && looks != 0) return --looks, -ENOENT;
    return PosixEnv::status(path, status);
  }
  int open_beneath(const std::string& root, const std::string& name, int flags, mode_t mode) override {
    ++opened;
    return PosixEnv::open_beneath(root, name, flags, mode);
  }
  std::uint64_t monotonic_ns() override { return now; }
  void sleep_ns(std::uint64_t duration) override { now += duration; }
};

std::uint64_t lease_of(base::Env& env, const std::string& backend) {
  const test::TemporaryDirectory folder;
  store::Store store(env, folder / "store");
  host::JobSpec spec;
  spec.plugin = spec.named = VARIED_PLUGIN;
  spec.kernel = "add_one";
  spec.backend = backend;
  spec.inputs = [](const schema::Kernel&, const std::string&) {
    bundle::Inputs inputs;
    inputs.axes.push_back({10, {{0, bundle::IntegerRange{1, 1}}}});
    return inputs;
  };
  const auto job = host::submit(env, store, spec);
  CHECK(host::resubmit(env, store, job, {3}, "", {}).manifest.lease_ms == job.manifest.lease_ms);
  return job.manifest.lease_ms;
}

}  // namespace

TEST_CASE("every file system lags that is not known to be one machine's own") {
  LaggingEnv env;
  for (const std::int64_t own : {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC}) {
    env.kind = own;
    CHECK_FALSE(base::may_lag(env, "/"));
  }
  constexpr std::int64_t kLustre = 0x0bd00bd0, kGpfs = 0x47504653, kBeeGfs = 0x19830326;
  for (const std::int64_t shared : {std::int64_t{NFS_SUPER_MAGIC}, std::int64_t{CIFS_SUPER_MAGIC},
                                    std::int64_t{FUSE_SUPER_MAGIC}, kLustre, kGpfs, kBeeGfs}) {
    env.kind = shared;
    CHECK(base::may_lag(env, "/"));
  }
  env.kind = -ENOENT;
  CHECK_FALSE(base::may_lag(env, "/"));
}

TEST_CASE("leases are long where machines see each other late") {
  LaggingEnv env;
  CHECK(lease_of(env, "processes") == 90'000);
  env.kind = EXT4_SUPER_MAGIC;
  CHECK(lease_of(env, "processes") == 10'000);
  CHECK(lease_of(env, "threads") == 10'000);
  CHECK(lease_of(env, "slurm") == 90'000);
}

TEST_CASE("what is said to exist is waited for, and not for ever") {
  LaggingEnv env;
  const test::TemporaryDirectory folder;
  env.make_directory(folder / "claims", 0700);
  env.hidden = "/claims";
  env.looks = 30;
  base::make_directories_beneath(env, folder.path(), folder / "claims");
  CHECK(env.looks == 0);
  env.looks = -1;
  const std::uint64_t begin = env.now;
  CHECK_THROWS_WITH(base::make_directories_beneath(env, folder.path(), folder / "claims"),
                    Catch::Contains("no such file"));
  CHECK(env.now - begin == base::kLongestLagNs);
}

TEST_CASE("a log that is quiet is opened again, more rarely the longer it is") {
  LaggingEnv env;
  const test::TemporaryDirectory folder;
  const store::Id128 id{1};
  store::LogWriter writer(env, folder / "log", id, 0, id);
  const auto opened_within = [&](store::LogReader::Hold hold, std::uint64_t seconds) {
    store::LogReader reader(env, folder / "log", id, "", hold);
    env.opened = 0;
    for (const std::uint64_t end = env.now + seconds * 1'000'000'000; env.now < end; env.now += 100'000'000) {
      CHECK_FALSE(reader.next());
    }
    return env.opened;
  };
  CHECK(opened_within(store::LogReader::Hold::kAlways, 100) == 1);
  CHECK(opened_within(store::LogReader::Hold::kWhileRead, 100) == 1000);
  const unsigned soon = opened_within(store::LogReader::Hold::kUntilQuiet, 4);
  CHECK(soon >= 3);
  const unsigned late = opened_within(store::LogReader::Hold::kUntilQuiet, 1000);
  CHECK(late > 60);
  CHECK(late < 90);
}

TEST_CASE("packs that are not mapped give the same values") {
  LaggingEnv env;
  const test::TemporaryDirectory folder;
  base::make_directories(env, folder / "inputs");
  std::string rows = "x\n";
  for (int i = 0; i < 100'000; ++i) rows += std::to_string(i * 7) + "\n";
  base::write_file_atomically(env, folder / "rows.csv", base::as_bytes(rows), false);
  auto kernel = plugin::find_kernel(plugin::describe(env, VARIED_PLUGIN), "add_one", "varied");
  cli::InputArguments arguments;
  arguments.rows = cli::RowFile{folder / "rows.csv"};
  const auto inputs = cli::make_inputs(env, arguments, kernel, folder.path());
  REQUIRE(inputs.packs.size() == 1);
  for (const std::int64_t kind : {NFS_SUPER_MAGIC, EXT4_SUPER_MAGIC}) {
    env.kind = kind;
    bundle::InputReader reader(env, inputs, kernel, folder.path());
    std::vector<jobhost_column> columns;
    for (std::uint64_t first = 0; first < 100'000;) {
      const auto n = reader.read(first, 100'000 - first, columns);
      for (std::uint64_t i = 0; i < n; ++i) {
        std::uint64_t value = 0;
        const auto bytes = bundle::value_at(columns[0], i);
        std::memcpy(&value, bytes.data(), bytes.size());
        if (value != (first + i) * 7) FAIL("row " << first + i << " is " << value);
      }
      first += n;
    }
  }
}
