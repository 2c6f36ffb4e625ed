#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <ranges>
#include <thread>

#include "jobhost/jobhost.hpp"

namespace {

std::vector<int> children_of(int pid) {
  std::vector<int> children;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    std::ifstream list(thread.path() / "children");
    for (int child; list >> child;) children.push_back(child);
  }
  return children;
}

/// Kills an executor of this program's worker now and then, and sometimes the worker: each time after some more of the
/// tasks that `ended` counts, since a worker that never gets anywhere is given up, rightly.
class Killer {
 public:
  Killer(unsigned seed, const std::atomic<int>& ended)
      : thread_([this, seed, &ended] {
          std::mt19937 random(seed);
          for (int seen = 0; !over_;) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 60));
            if (ended < seen + kTasksBetween) continue;
            const auto workers = children_of(static_cast<int>(::getpid()));
            if (workers.empty()) continue;
            const auto executors = children_of(workers[0]);
            if (executors.empty()) continue;
            seen = ended;
            const bool the_worker = random() % 5 == 0;
            kills_ += ::kill(the_worker ? workers[0] : executors[random() % executors.size()], SIGKILL) == 0;
          }
        }) {}
  int stop() {
    over_ = true;
    thread_.join();
    return kills_;
  }

 private:
  static constexpr int kTasksBetween = 500;
  std::atomic<bool> over_{false};
  int kills_ = 0;
  std::thread thread_;
};

int fussy(int x) {
  if (x % 97 == 0) throw std::domain_error("97");
  if (x % 1009 == 0) std::abort();
  ::usleep(static_cast<unsigned>(x % 50));
  return 3 * x;
}

/// Wrong ends among those of 300 inputs from `begin` on; a task that was killed five times may be lost.
int wrong_ends(jobhost::Pool& pool, int begin, std::atomic<int>& ended) {
  int wrong = 0, x = begin;
  for (auto outcome : pool.outcomes(fussy, std::views::iota(begin, begin + 300))) {
    ++ended;
    const std::string kind = outcome ? "" : outcome.failure().kind();
    if (kind != "lost") {
      if (x % 97 == 0) {
        wrong += outcome || outcome.failure().type() != "std::domain_error";
      } else if (x % 1009 == 0) {
        wrong += kind != "crash";
      } else {
        wrong += !outcome || outcome.value() != 3 * x;
      }
    }
    ++x;
  }
  return wrong + (x != begin + 300);
}

}  // namespace

// JOBHOST_ROUNDS says how often, for a long campaign; each round takes about two seconds.
TEST_CASE("a pool whose processes are killed at random loses and mixes up nothing") {
  const char* rounds = std::getenv("JOBHOST_ROUNDS");
  for (unsigned seed = 1; seed <= (rounds ? std::strtoul(rounds, nullptr, 10) : 1); ++seed) {
    for (const std::string backend : {"processes", "threads"}) {
      INFO("seed " << seed << " on " << backend);
      jobhost::Pool pool({.backend = backend, .workers = 3, .retries = 1});
      std::atomic<int> wrong{0}, ended{0};
      Killer killer(seed, ended);
      std::vector<std::thread> users;
      for (unsigned user = 0; user < 3; ++user) {
        users.emplace_back([&, user] {
          std::mt19937 random(10 * seed + user);
          for (int round = 0; round < 25; ++round) {
            wrong += wrong_ends(pool, static_cast<int>(random() % 100'000), ended);
            const std::string text(5000 + random() % 100'000, 'x');
            wrong += pool.pipe([](const std::string& s) { return s + s; }, text) != text + text;
          }
        });
      }
      for (auto& user : users) user.join();
      CHECK(killer.stop() > 0);
      CHECK(wrong == 0);
    }
  }
}
