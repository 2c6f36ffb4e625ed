#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "backend/backend.hpp"
#include "store/party.hpp"
#include "support/temporary_directory.hpp"

namespace jobhost {
namespace {

/// A worker that does nothing, and only a strong signal ends; each writes its pid into a file.
struct Worker {
  test::TemporaryDirectory folder;
  base::PosixEnv env;
  std::unique_ptr<backend::Backend> backend = backend::make_backend(env, {"processes"}, false);

  explicit Worker(std::uint64_t lease_ns) {
    const std::string program = folder.path() + "/worker", job = folder.path() + "/job";
    std::ofstream(program) << "#!/bin/sh\ntrap '' TERM\necho $$ >>" + folder.path() +
                                  "/pids\nwhile :; do sleep 1; done\n";
    ::chmod(program.c_str(), 0700);
    env.make_directory(job, 0700);
    env.make_directory(job + "/printed", 0700);
    backend::WorkerCommand command{program, job, "0"};
    command.lease_ns = lease_ns;
    backend->start(command, 1);
    while (pids().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~Worker() {
    for (int pid : pids()) ::kill(pid, SIGKILL);
  }
  std::vector<int> pids() const {
    std::ifstream file(folder.path() + "/pids");
    std::vector<int> found;
    for (int pid; file >> pid;) found.push_back(pid);
    return found;
  }
  /// Looks until `what` is so; false after some seconds.
  template <class What>
  bool look_until(What what) {
    for (int i = 0; i < 800; ++i) {
      if (what(backend->look(0))) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
};

TEST_CASE("A worker that is suspended for its lease is replaced") {
  Worker worker(1'500'000'000);
  const int pid = worker.pids()[0];
  ::kill(pid, SIGSTOP);
  REQUIRE(worker.look_until([&](const auto& status) { return status.suspended == pid; }));
  REQUIRE(worker.look_until([&](const auto& status) { return status.restarts == 1; }));
  CHECK(::kill(pid, 0) == -1);
  REQUIRE(worker.look_until([&](const auto& status) { return status.suspended == 0 && worker.pids().size() == 2; }));
}

TEST_CASE("A worker that was suspended together with its host is left alone") {
  Worker worker(1'500'000'000);
  ::kill(worker.pids()[0], SIGSTOP);
  REQUIRE(worker.look_until([&](const auto& status) { return status.suspended > 0; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(2000));  // nobody looks
  CHECK(worker.backend->look(0).restarts == 0);
  ::kill(worker.pids()[0], SIGCONT);
  REQUIRE(worker.look_until([&](const auto& status) { return status.suspended == 0; }));
  CHECK(worker.backend->look(0).restarts == 0);
}

TEST_CASE("A worker that does not end when it is told to is killed") {
  Worker worker(UINT64_MAX);
  worker.backend->stop(true);
  REQUIRE(worker.look_until([](const auto& status) { return status.running == 0; }));
  CHECK(worker.backend->look(0).restarts == 0);
}

}  // namespace
}  // namespace jobhost
