#include "store/claims.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <iterator>
#include <memory>
#include <set>
#include <vector>

#include "base/file.hpp"
#include "store/epoch.hpp"
#include "store/log_writer.hpp"
#include "store/store.hpp"
#include "support/fault_env.hpp"
#include "support/temporary_directory.hpp"
#include "worker/claim_source.hpp"
#include "worker/duty.hpp"
#include "worker/free_claims.hpp"

using namespace jobhost;

namespace {

struct Job {
  explicit Job(base::Env& env) : store(env, folder / "store"), directory(store.create_job()) {}
  test::TemporaryDirectory folder;
  store::Store store;
  store::JobDirectory directory;
};

}  // namespace

TEST_CASE("a claim belongs to the first who takes it, and takeovers go generation by generation") {
  base::PosixEnv env;
  Job job(env);
  store::Party one(env, job.directory, store::make_identity(env, "worker"));
  store::Party two(env, job.directory, store::make_identity(env, "worker"));
  store::Claims first(env, job.directory, one), second(env, job.directory, two);
  CHECK(first.take(300, 0));
  CHECK_FALSE(second.take(300, 0));
  CHECK(first.take(300, 0));  // asking again changes nothing
  CHECK(second.owner(300, 0)->id == one.self().id);
  CHECK(second.take(300, 1));
  CHECK(first.owner(300, 1)->id == two.self().id);
  CHECK(first.take(7, 0));
  CHECK(second.overview().folders == 2);
  CHECK(second.taken_near(0) == store::Claims::Generations{{7, 0}});
  CHECK(second.taken_near(256) == store::Claims::Generations{{300, 1}});
}

TEST_CASE("the answer of link is not trusted, only whose name it is") {
  test::FaultEnv env;
  Job job(env);
  store::Party one(env, job.directory, store::make_identity(env, "worker"));
  store::Party two(env, job.directory, store::make_identity(env, "worker"));
  store::Claims first(env, job.directory, one), second(env, job.directory, two);
  env.plant({1, EEXIST, test::FaultEnv::Mode::kLostReply, {test::Call::kLink}, false});
  CHECK(first.take(1, 0));  // linked, although the reply says it was there already
  env.plant({1, EIO, test::FaultEnv::Mode::kLostReply, {test::Call::kLink}, false});
  CHECK(first.take(2, 0));
  env.plant({1, EIO, test::FaultEnv::Mode::kLostReply, {test::Call::kLink}, false});
  CHECK_FALSE(second.take(2, 0));
  env.plant({1, ENOSPC, test::FaultEnv::Mode::kFail, {test::Call::kLink}, false});
  CHECK_THROWS_WITH(second.take(3, 0), Catch::Contains("no space left"));
}

TEST_CASE("generations and epochs are found where names are remembered not to be there") {
  class RemembersAbsence : public base::PosixEnv {
   public:
    using PosixEnv::status;
    int status(const std::string& path, base::FileStatus& status) override {
      const int found = absent_.contains(path) ? -ENOENT : PosixEnv::status(path, status);
      if (found == -ENOENT) absent_.insert(path);
      return found;
    }

   private:
    std::set<std::string> absent_;
  };
  base::PosixEnv there;
  RemembersAbsence here;
  Job job(there);
  store::Party one(there, job.directory, store::make_identity(there, "worker"));
  store::Party two(here, job.directory, store::make_identity(here, "worker"));
  store::Claims first(there, job.directory, one), second(here, job.directory, two);
  CHECK(second.taken_near(5).empty());
  CHECK_FALSE(store::latest_epoch(here, job.directory));
  CHECK(first.take(5, 0));
  CHECK(first.take(5, 1));
  base::make_directories(there, job.directory.host());
  CHECK(one.link_to(job.directory.owner(0)));
  CHECK(second.taken_near(5) == store::Claims::Generations{{5, 1}});
  CHECK(store::latest_epoch(here, job.directory) == 0);
}

TEST_CASE("a takeover reads what the dead owner wrote before it gives out work") {
  base::PosixEnv env;
  Job job(env);
  bundle::Manifest manifest;
  manifest.tasks = manifest.claim = 4;
  const std::string digest(64, 'a');
  store::Party self(env, job.directory, store::make_identity(env, "worker"));
  store::Party other(env, job.directory, store::make_identity(env, "worker"));
  worker::ClaimSource source(env, job.directory, manifest, digest, self);
  REQUIRE(store::Claims(env, job.directory, other).take(0, 0));
  const std::string id = other.self().id, folder = job.directory.logs() + "/" + id.substr(0, 2);
  base::make_directories(env, folder);
  store::LogWriter log(env, folder + "/" + id + ".0.0", store::binary_id(id), 0, store::binary_id(digest));
  log.append({store::FrameKind::kResults, 0, 3, 10, 1, 0}, {base::as_bytes("123")});
  other.leave();
  const auto work = source.next();
  REQUIRE(work);
  CHECK(work->dead_owner == id);
  CHECK(work->missing == std::vector<store::Interval>{{3, 4}});
}

TEST_CASE("one worker takes free claims in order, and many take each of them once") {
  base::PosixEnv env;
  constexpr std::uint64_t kClaims = 64 * 512 + 3;  // for 512 workers: two folders are open at the same time
  for (const std::size_t workers : {1, 3}) {
    Job job(env);
    std::vector<std::unique_ptr<store::Party>> parties;
    std::vector<std::unique_ptr<store::Claims>> names;
    std::vector<worker::FreeClaims> free;
    for (std::size_t i = 0; i < workers; ++i) {
      parties.push_back(std::make_unique<store::Party>(env, job.directory, store::make_identity(env, "worker")));
      names.push_back(std::make_unique<store::Claims>(env, job.directory, *parties.back()));
      free.emplace_back(env, *names.back(), kClaims, [](std::uint64_t claim) { return claim == 5; });
    }
    std::vector<std::uint64_t> order;
    std::set<std::uint64_t> taken;
    for (std::size_t turn = 0; taken.size() < 1500; ++turn) {
      const auto claim = free[turn % workers].take();
      REQUIRE(claim);
      REQUIRE(taken.insert(*claim).second);
      order.push_back(*claim);
    }
    CHECK_FALSE(taken.contains(5));
    if (workers == 1) CHECK(std::is_sorted(order.begin(), order.end()));
    // All that is before the open folders is taken.
    const std::uint64_t folders = names[0]->overview().folders;
    CHECK(*taken.rbegin() / 256 == folders - 1);
    for (std::uint64_t claim = 0; claim < (folders - 2) * 256; ++claim) REQUIRE((claim == 5 || taken.contains(claim)));
  }
}

TEST_CASE("free claims come to an end, also where others have taken the last of them") {
  base::PosixEnv env;
  Job job(env);
  store::Party one(env, job.directory, store::make_identity(env, "worker"));
  store::Party two(env, job.directory, store::make_identity(env, "worker"));
  store::Claims first(env, job.directory, one), second(env, job.directory, two);
  worker::FreeClaims free(env, first, 300, [](std::uint64_t) { return false; });
  for (std::uint64_t claim = 0; claim < 200; claim += 2) REQUIRE(second.take(claim, 0));
  for (std::uint64_t i = 0; i < 200; ++i) REQUIRE(free.take());
  CHECK_FALSE(free.take());
}

TEST_CASE("what is given up is named to all until somebody takes it") {
  base::PosixEnv env;
  Job job(env);
  store::Party one(env, job.directory, store::make_identity(env, "worker"));
  store::Claims claims(env, job.directory, one);
  CHECK(claims.overview().given_up.empty());
  for (std::uint32_t generation : {0, 1, 1}) claims.give_up(300, generation);
  claims.give_up(7, 0);
  CHECK(claims.overview().given_up == store::Claims::Generations{{7, 0}, {300, 1}});
  CHECK(claims.overview().folders == 0);
  claims.forget_given_up(300, 1);
  claims.forget_given_up(300, 0);
  CHECK(claims.overview().given_up == store::Claims::Generations{{7, 0}});
}

namespace {

/// Workers of one job, whose claims are of one task.
struct Crew {
  Crew(base::Env& in, std::uint64_t tasks, std::size_t workers, std::uint64_t lease_ms = 10'000) : env(in), job(in) {
    manifest.tasks = tasks;
    manifest.claim = 1;
    manifest.lease_ms = lease_ms;
    base::make_directories(env, job.directory.host());
    for (std::size_t i = 0; i < workers; ++i) join();
  }
  std::size_t join(const std::string& boot = "") {
    auto identity = store::make_identity(env, "worker");
    if (!boot.empty()) identity.boot = boot;
    parties.push_back(std::make_unique<store::Party>(env, job.directory, identity));
    parties.back()->beat();
    sources.push_back(
        std::make_unique<worker::ClaimSource>(env, job.directory, manifest, std::string(64, 'a'), *parties.back()));
    const std::string id = identity.id, folder = job.directory.logs() + "/" + id.substr(0, 2);
    base::make_directories(env, folder);
    logs.push_back(std::make_unique<store::LogWriter>(env, folder + "/" + id + ".0.0", store::binary_id(id), 0,
                                                      store::binary_id(std::string(64, 'a'))));
    return parties.size() - 1;
  }
  std::optional<std::uint64_t> claim(std::size_t worker) {
    const auto work = sources[worker]->next();
    return work ? std::optional(work->claim) : std::nullopt;
  }
  void finish(std::size_t worker, std::uint64_t claim) {
    logs[worker]->append({store::FrameKind::kResults, claim, 1, 10, 1, 0}, {base::as_bytes("1")});
    sources[worker]->claim_finished(claim, 1, 0);
  }
  base::Env& env;
  Job job;
  bundle::Manifest manifest;
  std::vector<std::unique_ptr<store::Party>> parties;
  std::vector<std::unique_ptr<worker::ClaimSource>> sources;
  std::vector<std::unique_ptr<store::LogWriter>> logs;
};

class Clock : public base::PosixEnv {
 public:
  std::uint64_t now = 1'000;
  std::uint64_t monotonic_ns() override { return now; }
};

constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

TEST_CASE("what a worker gives up when it leaves is what others take next") {
  base::PosixEnv env;
  Crew crew(env, 600, 1);
  for (std::uint64_t claim = 0; claim < 520; ++claim) {
    REQUIRE(crew.claim(0) == claim);
    if (claim != 3 && claim != 519) crew.finish(0, claim);
  }
  crew.sources[0]->give_up();
  crew.parties[0]->leave();
  const std::size_t next = crew.join();
  CHECK(crew.claim(next) == 3);
  CHECK(crew.claim(next) == 519);
  CHECK(crew.claim(next) == 520);
}

TEST_CASE("a worker that is taken for dead does not take what it holds once more") {
  base::PosixEnv env;
  Crew crew(env, 2, 2);
  CHECK(crew.claim(0) == 0);
  store::Claims(env, crew.job.directory, *crew.parties[1]).give_up(0, 0);
  CHECK(crew.claim(0) == 1);
  CHECK_FALSE(crew.claim(0));
  CHECK(crew.claim(1) == 0);
}

TEST_CASE("a claim whose name a power cut took, but not the name that says it was given up, is taken") {
  base::PosixEnv env;
  Crew crew(env, 2, 1);
  store::Claims claims(env, crew.job.directory, *crew.parties[0]);
  claims.give_up(0, 0);
  CHECK_FALSE(claims.owner(0, 0));
  std::set<std::uint64_t> taken;
  for (int i = 0; i < 2; ++i) taken.insert(crew.claim(0).value());
  CHECK(taken == std::set<std::uint64_t>{0, 1});
}

TEST_CASE("those on duty give what the dead held to whoever has nothing to do") {
  Clock env;
  constexpr std::size_t kMany = 8;  // twice as many as have duty
  Crew crew(env, kMany, 0, 1000);
  for (std::size_t i = 0; i < kMany; ++i) REQUIRE(crew.claim(crew.join("elsewhere")));  // whose hearts do not beat
  std::set<std::size_t> alive, busy;
  const auto pass = [&] {
    for (int round = 0; round < 100; ++round, env.now += kSecond / 10) {
      for (const std::size_t worker : alive) crew.parties[worker]->beat();
      for (const std::size_t worker : alive) {
        if (!busy.contains(worker) && crew.claim(worker)) busy.insert(worker);
      }
    }
  };
  for (std::size_t i = 0; i < kMany; ++i) alive.insert(crew.join("here " + std::to_string(i)));
  pass();
  CHECK(busy == alive);
  // Those who had duty are busy now.
  alive.erase(std::prev(alive.end()));
  const std::size_t last = crew.join("here, too");
  alive.insert(last);
  pass();
  CHECK(busy.contains(last));
}

TEST_CASE("few are on duty, and others follow those who are busy, have left or are dead") {
  Clock env;
  Crew crew(env, 1, 0);
  constexpr std::size_t kPlaces = 4;
  constexpr std::uint64_t kLease = 10 * kSecond;
  std::vector<std::unique_ptr<store::DeathWatch>> watches;
  std::vector<std::unique_ptr<worker::Duty>> duties;
  for (std::size_t i = 0; i < 10; ++i) {
    auto& party = *crew.parties[crew.join(std::to_string(i))];
    watches.push_back(std::make_unique<store::DeathWatch>(env, crew.job.directory, party.self(), kLease));
    duties.push_back(std::make_unique<worker::Duty>(env, crew.job.directory, party, *watches.back(), kLease));
  }
  const auto on_duty = [&] {
    std::set<std::size_t> those;
    for (std::size_t i = 0; i < duties.size(); ++i) {
      if (duties[i]->mine()) those.insert(i);
    }
    return those;
  };
  const auto pass = [&](std::uint64_t time, std::size_t silent) {
    for (const auto end = env.now + time; env.now < end; env.now += kSecond) {
      for (std::size_t i = 0; i < duties.size(); ++i) {
        if (i != silent) crew.parties[i]->beat();
      }
      for (std::size_t i = 0; i < duties.size(); ++i) {
        if (i != silent) duties[i]->mine();
      }
    }
  };
  CHECK(on_duty() == std::set<std::size_t>{0, 1, 2, 3});
  pass(3 * kLease, 99);
  CHECK(on_duty() == std::set<std::size_t>{0, 1, 2, 3});
  duties[2]->resign();
  duties[2]->resign();
  CHECK(duties[7]->mine());
  CHECK(on_duty() == std::set<std::size_t>{0, 1, 3, 7});
  crew.parties[0]->leave();
  pass(kLease, 0);
  CHECK_FALSE(duties[0]->mine());  // it sees that it was followed
  CHECK(on_duty().size() == kPlaces);
  pass(2 * kLease, 1);  // suspended, or dead
  CHECK_FALSE(duties[1]->mine());
  const auto last = on_duty();
  CHECK(last.size() == kPlaces);
  CHECK((last.contains(3) && last.contains(7)));
}

TEST_CASE("a process of this machine is known to live or to be dead") {
  base::PosixEnv env;
  const auto self = store::make_identity(env, "host");
  CHECK(store::life_of(env, self, self) == store::Life::kAlive);
  auto other = self;
  other.start_time += 1;  // the pid was used again
  CHECK(store::life_of(env, other, self) == store::Life::kDead);
  other = self;
  other.pid = 4'194'305;  // above the largest pid
  CHECK(store::life_of(env, other, self) == store::Life::kDead);
  other.boot = "elsewhere";
  CHECK(store::life_of(env, other, self) == store::Life::kUnknown);
}

TEST_CASE("a party on another machine is dead when its heartbeat stood still for a lease, by the observer's clock") {
  Clock env;
  Job job(env);
  auto far = store::make_identity(env, "worker");
  far.boot = "elsewhere";
  store::Party party(env, job.directory, far);
  store::DeathWatch watch(env, job.directory, store::make_identity(env, "worker"), 100);
  party.beat();
  CHECK_FALSE(watch.dead(far));
  env.now += 99;
  CHECK_FALSE(watch.dead(far));
  party.beat();
  env.now += 50;
  CHECK_FALSE(watch.dead(far));
  env.now += 99;
  CHECK_FALSE(watch.dead(far));
  env.now += 1;
  CHECK(watch.dead(far));
}

TEST_CASE("rubbish is no identity") {
  for (const char* text :
       {"", "{", "[]", "{}", "{\"id\": 3}",
        R"({"role":"worker","id":"../../x","hostname":"","boot":"","pid_space":"","pid":1,"start_time":1})"}) {
    CHECK_THROWS_AS(store::identity_from_text(text, "here"), base::Error);
  }
}

TEST_CASE("a job is found by id, prefix, random end, label, path and @last") {
  base::PosixEnv env;
  const auto label_of = [](const store::JobDirectory&) { return std::string("some"); };
  test::TemporaryDirectory folder;
  store::Store jobs(env, folder / "store");
  CHECK_THROWS_WITH(jobs.find("@last", label_of), Catch::Contains("no jobs"));
  const auto job = jobs.create_job();
  CHECK_THROWS_AS(jobs.find("@last", label_of), base::Error);  // no MANIFEST: no job
  base::write_file_atomically(env, job.manifest(), {}, false);
  const std::string id = job.path().substr(job.path().rfind('/') + 1);
  for (const auto& name :
       {id, id.substr(0, 8), id.substr(id.size() - 4), job.path(), std::string("@last"), std::string("some")}) {
    CHECK(jobs.find(name, label_of).directory.path() == job.path());
    CHECK(jobs.find(name, label_of).by_path == (name == job.path()));
  }
  CHECK_THROWS_WITH(jobs.find("2099", label_of), Catch::Contains("no job '2099'"));
}
