#include "store/job_sync.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <thread>

#include "store/log_writer.hpp"
#include "store/party.hpp"
#include "support/synced_env.hpp"
#include "support/temporary_directory.hpp"
#include "worker/background_sync.hpp"

using namespace jobhost;

namespace {

constexpr const char* kWorker = "0123456789abcdef0123456789abcdef";
constexpr std::chrono::milliseconds kPeriod(100);

struct SmallJob {
  test::TemporaryDirectory folder;
  test::SyncedEnv env;
  store::JobDirectory job{folder / "store/job"};
  std::string log = job.logs() + "/01/" + kWorker + ".0.0";

  SmallJob() {
    for (const auto& name : {job.blobs(), job.inputs(), job.logs() + "/01"}) base::make_directories(env, name);
    base::write_file_atomically(env, job.blob("aa"), base::as_bytes("code"), false);
    base::write_file_atomically(env, job.inputs() + "/0000", base::as_bytes("rows"), false);
    base::write_file_atomically(env, job.manifest(), base::as_bytes("{}"), false);
  }
  store::LogWriter writer(const std::string& path, bool durable) {
    return {env, path, store::binary_id(kWorker), 0, {}, durable};
  }
};

const store::FrameInfo kFrame{store::FrameKind::kResults, 0, 1, 10, 1, 0};

}  // namespace

TEST_CASE("a strict log is durable, name included, when a frame is committed") {
  SmallJob small;
  auto log = small.writer(small.log, true);
  log.add(kFrame, {base::as_bytes("12345678")});
  CHECK(small.env.synced().empty());  // not committed yet
  log.flush();
  CHECK(small.env.synced() ==
        std::multiset<std::string>{small.log, small.job.logs() + "/01", small.job.logs() + "/01/.."});
  log.flush();
  log.append(kFrame, {base::as_bytes("12345678")});
  CHECK(small.env.synced().size() == 4);  // the file once more
  const std::string other = small.job.logs() + "/01/" + kWorker + ".1.0";
  auto relaxed = small.writer(other, false);
  relaxed.append(kFrame, {base::as_bytes("12345678")});
  CHECK(small.env.synced().count(other) == 0);
}

TEST_CASE("a sync that failed is not tried again, and the frame is not committed") {
  SmallJob small;
  auto log = small.writer(small.log, true);
  small.env.plant({.at = 1, .error = EIO, .kinds = {test::Call::kSync}});
  REQUIRE_THROWS_WITH(log.append(kFrame, {base::as_bytes("12345678")}),
                      Catch::Contains("cannot sync") && Catch::Contains(small.log));
  CHECK(small.env.calls() == 1);
}

TEST_CASE("a sync that a signal interrupts goes on") {
  SmallJob small;
  auto log = small.writer(small.log, true);
  small.env.plant({.at = 1, .error = EINTR, .kinds = {test::Call::kSync}});
  log.append(kFrame, {base::as_bytes("12345678")});
  CHECK(small.env.synced().count(small.log) == 1);
}

TEST_CASE("a worker's logs are synced where they grew") {
  SmallJob small;
  auto log = small.writer(small.log, false);
  log.append(kFrame, {base::as_bytes("12345678")});
  auto stranger = small.writer(small.job.logs() + "/01/01ffffffffffffffffffffffffffffff.0.0", false);
  store::LogSync logs(small.env, small.job, kWorker);
  logs.run();
  const std::multiset<std::string> first{small.log, small.job.logs() + "/01", small.job.logs()};
  CHECK(small.env.synced() == first);
  logs.run();
  CHECK(small.env.synced() == first);  // nothing new
  log.append(kFrame, {base::as_bytes("12345678")});
  logs.run();
  CHECK(small.env.synced().count(small.log) == 2);
  CHECK(small.env.synced().size() == 4);
}

TEST_CASE("logs that cannot be listed are not taken for synced") {
  SmallJob small;
  auto log = small.writer(small.log, false);
  log.append(kFrame, {base::as_bytes("12345678")});
  store::LogSync logs(small.env, small.job, kWorker);
  small.env.plant({.at = 1, .error = EIO, .kinds = {test::Call::kList}});
  CHECK_THROWS_WITH(logs.run(), Catch::Contains("cannot list") && Catch::Contains("input/output error"));
}

TEST_CASE("in the background a job is synced with its code, its inputs and its name") {
  SmallJob small;
  auto log = small.writer(small.log, false);
  log.append(kFrame, {base::as_bytes("12345678")});
  const auto& job = small.job;
  const std::multiset<std::string> all{
      job.blob("aa"),         job.blobs(), job.inputs() + "/0000", job.inputs(), job.manifest(), job.path(), job.path(),
      small.folder / "store", small.log,   job.logs() + "/01",     job.logs()};
  SECTION("at the end") {
    worker::BackgroundSync(small.env, job, kWorker, kPeriod).finish();
    CHECK(small.env.synced() == all);
  }
  SECTION("by itself, and once") {
    worker::BackgroundSync sync(small.env, job, kWorker, kPeriod);
    while (small.env.synced().size() < all.size()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    sync.finish();
    CHECK(small.env.synced() == all);
  }
}

TEST_CASE("a background sync that failed is told, and is the last one") {
  SmallJob small;
  auto log = small.writer(small.log, false);
  log.append(kFrame, {base::as_bytes("12345678")});
  small.env.plant({.at = 2, .error = EIO, .kinds = {test::Call::kSync}, .lasting = true});
  worker::BackgroundSync sync(small.env, small.job, kWorker, kPeriod);
  while (!small.env.struck()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(3 * kPeriod);
  CHECK_THROWS_WITH(sync.finish(), Catch::Contains("cannot sync"));
  CHECK_THROWS_AS(sync.throw_failure(), base::Error);
  CHECK(small.env.calls() == 2);
}
