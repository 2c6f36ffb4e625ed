#include "host/submission.hpp"

#include <catch2/catch.hpp>
#include <cerrno>

#include "base/file.hpp"
#include "support/synced_env.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;
using test::Call;

namespace {

host::JobSpec one_million_tasks() {
  host::JobSpec spec;
  spec.plugin = spec.named = VARIED_PLUGIN;
  spec.kernel = "add_one";
  spec.inputs = [](const schema::Kernel&, const std::string&) {
    bundle::Inputs inputs;
    inputs.axes.push_back({1'000'000, {{0, bundle::IntegerRange{1, 1}}}});
    return inputs;
  };
  return spec;
}

}  // namespace

TEST_CASE("a submission that fails at any file call leaves no job, one that does not fail a whole one") {
  const int error = GENERATE(ENOSPC, EDQUOT, EIO, EACCES);
  const test::TemporaryDirectory folder;
  unsigned refused = 0;
  for (std::uint64_t call = 1;; ++call) {
    REQUIRE(call < 1000);
    INFO("call " << call << ", errno " << error);
    test::FaultEnv env;
    store::Store store(env, folder / "store");
    env.plant(
        {call,
         error,
         test::FaultEnv::Mode::kFail,
         {Call::kOpen, Call::kWrite, Call::kClose, Call::kRead, Call::kRename, Call::kMakeDirectory, Call::kStatus},
         false});
    std::string job;
    try {
      job = host::submit(env, store, one_million_tasks()).directory.path();
    } catch (const base::Error& failure) {
      CHECK(std::string(failure.what()).find("errno") == std::string::npos);
      ++refused;
    }
    const bool struck = env.struck();
    env.plant({});
    const auto jobs = store.jobs();
    if (job.empty()) {
      CHECK(jobs.empty());
      std::vector<std::string> left;
      env.list(folder / "store", left);
      for (const auto& name : left) CHECK(name == ".gitignore");
    } else {
      REQUIRE(jobs.size() == 1);
      CHECK(host::open_job(env, host::find_job(env, store, jobs[0]).directory).manifest.tasks == 1'000'000);
      base::remove_tree(env, job);
    }
    if (!struck) break;
  }
  CHECK(refused > 10);
}

TEST_CASE("a strict submission syncs code and inputs before MANIFEST has its name, and then that") {
  class UntilManifest : public test::SyncedEnv {
   public:
    std::multiset<std::string> before;
    int rename(const std::string& from, const std::string& to) override {
      if (to.ends_with("/MANIFEST")) before = synced();
      return SyncedEnv::rename(from, to);
    }
  };
  const test::TemporaryDirectory folder;
  UntilManifest env;
  store::Store store(env, folder / "store");
  host::JobSpec spec = one_million_tasks();
  spec.sync = base::SyncPolicy::kStrict;
  const auto job = host::submit(env, store, spec);
  const auto& files = job.directory;
  for (const auto& path : {files.blob(job.manifest.plugin.sha256), files.blobs(), files.inputs(), files.path()}) {
    INFO(path);
    CHECK(env.before.contains(path));
  }
  CHECK_FALSE(env.before.contains(files.manifest()));
  for (const auto& path : {files.manifest(), store.path()}) CHECK(env.synced().contains(path));
}
