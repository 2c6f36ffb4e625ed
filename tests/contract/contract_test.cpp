// What every backend promises, checked on every backend: the simulated one runs the same worker in this process.
#include <dlfcn.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iterator>
#include <sstream>

#include "backend/backend.hpp"
#include "backend/simulated.hpp"
#include "base/file.hpp"
#include "host/explanation.hpp"
#include "host/ownership.hpp"
#include "host/result_stream.hpp"
#include "store/doorbell.hpp"
#include "support/temporary_directory.hpp"
#include "worker/job_io.hpp"
#include "worker/lane.hpp"
#include "worker/loader.hpp"
#include "worker/log_names.hpp"
#include "worker/supervisor.hpp"

using namespace jobhost;

namespace {

const std::vector<std::string>& no_modules() {
  static const std::vector<std::string> none;
  return none;
}

/// Executors as threads of this process.
class ThreadLauncher : public worker::Launcher {
 public:
  ThreadLauncher(base::Env& env, const worker::Plan& plan)
      : env_(env),
        plan_(plan),
        manifest_(bundle::manifest_from_json(plan.manifest_json, "plan")),
        entry_(worker::LoadedPlugin(plan.libraries, plan.plugin).kernel(manifest_.kernel.symbol)) {}
  ~ThreadLauncher() override {
    for (auto& executor : executors_) {
      if (executor.thread.joinable()) executor.thread.join();
    }
  }
  int start(const worker::ControlMemory& control, unsigned first, unsigned count, unsigned generation) override {
    auto& executor = executors_.emplace_back();
    executor.thread = std::thread([this, &control, &executor, first, count, generation] {
      for (unsigned i = first; i < first + count; ++i) {
        auto& queue = first == control->lanes ? control->solo : control->shared;
        auto io = std::make_unique<worker::JobIo>(
            env_, *control, queue, manifest_, plan_, worker::log_path(plan_, i, std::to_string(generation)), i, entry_,
            nullptr, worker::StackSource{[] { return std::vector<store::StackEntry>(); }, &no_modules});
        worker::LaneRunner(env_, *control, control->lane[i], queue, manifest_, std::move(io), nullptr).run();
      }
      executor.ended = true;
    });
    return static_cast<int>(executors_.size());
  }
  bool ended(int handle, base::ExitStatus& status) override {
    auto& executor = executors_[static_cast<std::size_t>(handle - 1)];
    if (!executor.ended) return false;
    if (executor.thread.joinable()) executor.thread.join();
    status = {};
    return true;
  }
  void kill(int) override {}  // a thread cannot be killed; it ends after its task

 private:
  struct Executor {
    std::thread thread;
    std::atomic<bool> ended{false};
  };
  base::Env& env_;
  worker::Plan plan_;
  bundle::Manifest manifest_;
  jobhost_entry entry_;
  std::deque<Executor> executors_;
};

/// "slurm", or "mpi mpirun=mpirun.mpich" with options.
using Words = std::vector<std::string>;

/// Those of this machine, or the one in $CONTRACT_BACKEND.
std::vector<Words> all_backends() {
  const char* one = std::getenv("CONTRACT_BACKEND");
  if (!one) return {{"fake"}, {"threads"}, {"processes"}};
  std::istringstream words(one);
  return {Words(std::istream_iterator<std::string>(words), {})};
}

/// Those where a crash of a task is not one of this process.
std::vector<Words> isolated_backends() {
  auto backends = all_backends();
  std::erase(backends, Words{"fake"});
  return backends;
}

class Given {
 public:
  explicit Given(const Words& backend)
      : backend_(backend[0], {backend.begin() + 1, backend.end()}), store_(env, folder / "store") {}
  bool local() const { return backend_.name == "fake" || backend::is_local(backend_.name); }

  host::Job job(const std::string& kernel, std::uint64_t tasks, std::vector<bundle::Source> more = {},
                std::uint64_t chunk = 0) {
    host::JobSpec spec;
    spec.chunk = chunk;
    spec.plugin = spec.named = HOSTILE_PLUGIN;
    spec.kernel = kernel;
    spec.workers = 2;
    spec.inputs = [&](const schema::Kernel&, const std::string&) {
      bundle::Inputs inputs;
      inputs.axes.push_back({tasks, {{0, bundle::IntegerRange{0, 1}}}});
      for (auto& source : more) inputs.axes.push_back({1, {source}});
      return inputs;
    };
    return host::submit(env, store_, spec);
  }

  std::unique_ptr<backend::Backend> backend() {
    if (backend_.name != "fake") return backend::make_backend(env, backend_, false);
    return std::make_unique<backend::Simulated>([this](const backend::WorkerCommand& command, unsigned lanes,
                                                       const std::atomic<int>& stop_requests) {
      worker::SupervisorOptions options{command.job_directory, command.manifest_sha256, false, lanes, -1};
      worker::Supervisor(env, options, nullptr, base::Log::silent(), stop_requests, [this](const worker::Plan& plan) {
        return std::make_unique<ThreadLauncher>(env, plan);
      }).run();
      return true;
    });
  }

  backend::WorkerCommand command(const host::Job& job, int doorbell) const {
    return {JOBHOST, job.directory.path(), job.manifest_sha256, doorbell};
  }

  unsigned lanes() const { return local() ? 2 : 4; }

  /// Runs to the end; results of tasks in order ("!" for a failed one).
  std::vector<std::string> run(const host::Job& job, backend::Backend& workers) {
    store::Doorbell bell;
    env.remove(job.directory.cancel());
    workers.start(command(job, bell.fd()), lanes());
    host::ResultStream stream(env, job);
    host::Explainer explainer(env, job);
    std::vector<std::string> rows;
    const auto deadline = env.monotonic_ns() + 60'000'000'000;
    while (!stream.finished()) {
      const auto seen = bell.count();
      stream.poll();
      while (const auto* block = stream.next()) {
        REQUIRE(block->first == rows.size());
        for (std::uint64_t i = 0; i < block->count; ++i) {
          if (block->failed) {
            const auto words = explainer.explain(block->failure, block->modules);
            rows.push_back("! " + words.kind + " " + words.type + " " + words.what + " @ " + words.where);
          } else {
            std::uint64_t value = 0;
            std::memcpy(&value, block->results.data + i * block->results.stride, block->results.size);
            rows.push_back(std::to_string(value));
          }
        }
      }
      if (stream.finished()) break;
      const auto status = workers.look(stream.done());
      REQUIRE((status.running > 0 || stream.poll()));
      REQUIRE(env.monotonic_ns() < deadline);
      bell.wait(seen, 5'000'000);
    }
    while (workers.look(stream.done()).running > 0) REQUIRE(env.monotonic_ns() < deadline);
    CHECK(base::exists(env, job.directory.done()));
    CHECK(stream.duplicates() == 0);
    return rows;
  }

  base::PosixEnv env;
  test::TemporaryDirectory folder;

 private:
  backend::Choice backend_;
  store::Store store_;
};

bundle::Source constant_int(std::uint32_t parameter, std::int32_t value) {
  base::Bytes bytes;
  base::append_value(bytes, value);
  return {parameter, bundle::Constant{bytes}};
}

}  // namespace

TEST_CASE("results are those of a plain loop, in order, on every backend") {
  Given given(GENERATE(from_range(all_backends())));
  const auto job = given.job("inc", 100'003);
  const auto rows = given.run(job, *given.backend());
  REQUIRE(rows.size() == 100'003);
  for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i] == std::to_string(i + 1));
}

// Within a worker: what another machine claimed stays there until it ran.
TEST_CASE("a slow task keeps no other waiting, whatever the chunk, where one worker has all lanes") {
  Given given(GENERATE(as<Words>{}, Words{"fake"}, Words{"threads"}, Words{"processes"}));
  const auto chunk = GENERATE(as<std::uint64_t>{}, 0, 1, 50, 1000);
  constexpr std::int32_t kTasks = 300, kLast = 17;
  base::make_directories(given.env, given.folder / "made");
  const std::string folder = given.folder / "made";
  base::Bytes text;
  base::append_text(text, folder);
  const auto job = given.job("after_all", kTasks,
                             {constant_int(1, kLast), {2, bundle::Constant{text}}, constant_int(3, kTasks)}, chunk);
  const auto rows = given.run(job, *given.backend());
  REQUIRE(rows.size() == kTasks);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i] == std::to_string(i));
}

TEST_CASE("chunks of one task give what default chunks give, on every backend") {
  Given given(GENERATE(from_range(all_backends())));
  const auto rows = given.run(given.job("inc", 30'011, {}, 1), *given.backend());
  REQUIRE(rows.size() == 30'011);
  for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i] == std::to_string(i + 1));
}

TEST_CASE("a job without tasks is done at once on every backend") {
  Given given(GENERATE(from_range(all_backends())));
  const auto job = given.job("inc", 0);
  const auto workers = given.backend();
  workers->start(given.command(job, -1), given.lanes());
  const auto deadline = given.env.monotonic_ns() + 20'000'000'000;
  while (workers->look(0).running > 0) REQUIRE(given.env.monotonic_ns() < deadline);
  CHECK(base::exists(given.env, job.directory.done()));
}

TEST_CASE("a task that throws costs only itself on every backend") {
  Given given(GENERATE(from_range(all_backends())));
  const auto job = given.job("fussy", 240);
  const auto rows = given.run(job, *given.backend());
  REQUIRE(rows.size() == 240);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % 100 == 13) {
      CHECK(rows[i].find("! exception std::domain_error unlucky " + std::to_string(i)) == 0);
    } else {
      CHECK(rows[i] == std::to_string(2 * i));
    }
  }
}

TEST_CASE("a crash costs exactly the task that caused it on isolated backends") {
  Given given(GENERATE(from_range(isolated_backends())));
  const auto source = base::read_file(given.env, HOSTILE_SOURCE, 1 << 20);
  const auto before = base::as_text(source).substr(0, base::as_text(source).find("// null pointer"));
  const auto null_pointer = 1 + std::count(before.begin(), before.end(), '\n');
  const auto job = given.job("fussy", 1000);
  const auto rows = given.run(job, *given.backend());
  REQUIRE(rows.size() == 1000);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO(i);
    if (i == 250) {
      CHECK(rows[i] == "! crash  SIGSEGV @ fussy at hostile.cpp:" + std::to_string(null_pointer));
    } else if (i == 577) {
      CHECK(rows[i].find("! crash  SIGABRT @ fussy at hostile.cpp:") == 0);
    } else if (i == 890) {
      CHECK(rows[i].find("! crash  exit(3) @ fussy at hostile.cpp:") == 0);
    } else if (i == 920) {
      CHECK(rows[i].find("! crash  stack overflow (") == 0);
      CHECK(rows[i].find(") @ deep at hostile.cpp:") != std::string::npos);
    } else if (i == 921) {
      CHECK(rows[i] == "! crash  _exit(4) @ ");
    } else if (i % 100 == 13) {
      CHECK(rows[i].find("! exception std::domain_error unlucky") == 0);
    } else {
      CHECK(rows[i] == std::to_string(2 * i));
    }
  }
}

TEST_CASE("a stopped worker leaves a job that another one finishes, on every backend") {
  Given given(GENERATE(from_range(all_backends())));
  // Workers on other machines need longer to hear of it.
  const auto job = given.job("spin", 3000, {constant_int(1, given.local() ? 100 : 2000)});
  {
    store::Doorbell bell;
    const auto workers = given.backend();
    workers->start(given.command(job, bell.fd()), given.lanes());
    host::ResultStream stream(given.env, job);
    const auto deadline = given.env.monotonic_ns() + 20'000'000'000;
    while (stream.done() == 0) {
      stream.poll();
      workers->look(0);
      REQUIRE(given.env.monotonic_ns() < deadline);
    }
    workers->stop(false);
    while (workers->look(0).running > 0) REQUIRE(given.env.monotonic_ns() < deadline);
    CHECK_FALSE(base::exists(given.env, job.directory.done()));
  }
  const auto rows = given.run(job, *given.backend());
  REQUIRE(rows.size() == 3000);
  for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i] == std::to_string(i * i));
}

TEST_CASE("two workers share one job and no task runs twice") {
  Given given({"processes"});
  const auto job = given.job("spin", 4000, {constant_int(1, 50)});
  const auto other = given.backend();
  other->start(given.command(job, -1), 1);
  const auto rows = given.run(job, *given.backend());
  REQUIRE(rows.size() == 4000);
  const auto deadline = given.env.monotonic_ns() + 20'000'000'000;
  while (other->look(0).running > 0) REQUIRE(given.env.monotonic_ns() < deadline);
}

TEST_CASE("a second host is turned away and told who owns the job") {
  Given given({"processes"});
  const auto job = given.job("inc", 10);
  const host::Ownership owner(given.env, job);
  try {
    const host::Ownership second(given.env, job);
    FAIL("two hosts own one job");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::kOwnedElsewhere);
    CHECK(std::string(error.what()).find("process " + std::to_string(::getpid())) != std::string::npos);
  }
}

TEST_CASE("an owner that was robbed finds out, and the next host need not rob the thief when it left") {
  Given given({"processes"});
  const auto job = given.job("inc", 10);
  const host::Ownership first(given.env, job);
  CHECK_NOTHROW(first.require());
  {
    const host::Ownership thief(given.env, job, true);
    CHECK_THROWS_WITH(first.require(), Catch::Contains("was taken over from this host"));
    CHECK_NOTHROW(thief.require());
  }
  const host::Ownership next(given.env, job);
  CHECK_NOTHROW(next.require());
}

TEST_CASE("an owner on another machine is judged by its heartbeat alone, whatever wall clocks say") {
  struct : base::PosixEnv {
    std::uint64_t wall_ns() override { return jump += 3'600'000'000'000; }
    std::atomic<std::uint64_t> jump{0};
  } env;
  Given given({"processes"});
  auto job = given.job("inc", 10);
  job.manifest.lease_ms = 600;
  auto elsewhere = store::make_identity(env, "host");
  elsewhere.boot = "another";
  store::Party owner(env, job.directory, elsewhere);
  owner.beat();
  REQUIRE(owner.link_to(job.directory.owner(0)));
  {
    std::atomic<bool> dead{false};
    std::thread heart([&] {
      for (; !dead; env.sleep_ns(20'000'000)) owner.beat();
    });
    CHECK_THROWS_WITH(host::Ownership(env, job), Catch::Contains("is being run by process"));
    dead = true;
    heart.join();
  }
  const std::uint64_t begin = env.monotonic_ns();
  CHECK_NOTHROW(host::Ownership(env, job));
  CHECK(env.monotonic_ns() - begin >= 600'000'000);
}

TEST_CASE("a worker refuses a manifest or code that is not what was submitted") {
  Given given({"processes"});
  const auto job = given.job("inc", 10);
  const std::atomic<int> no_stop{0};
  const auto work = [&](const std::string& digest) {
    worker::Supervisor(given.env, {job.directory.path(), digest, false, 1, -1}, nullptr, base::Log::silent(), no_stop,
                       [&](const worker::Plan& plan) { return std::make_unique<ThreadLauncher>(given.env, plan); });
  };
  CHECK_THROWS_WITH(work(std::string(64, '0')), Catch::Contains("is not the manifest that was submitted"));
  const std::string blob = job.directory.blob(job.manifest.plugin.sha256);
  auto code = base::read_file(given.env, blob, 64 << 20);
  code[code.size() / 2] ^= 1;
  given.env.remove(blob);
  base::write_file_atomically(given.env, blob, code, false);
  const std::string cached = given.folder / "cache";
  ::setenv("XDG_CACHE_HOME", cached.c_str(), 1);
  CHECK_THROWS_WITH(work(job.manifest_sha256), Catch::Contains("does not match its digest"));
  ::unsetenv("XDG_CACHE_HOME");
}
