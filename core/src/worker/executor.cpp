#include "worker/executor.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>

#include "base/file.hpp"
#include "context/restore.hpp"
#include "worker/crash_guard.hpp"
#include "worker/globals.hpp"
#include "worker/job_io.hpp"
#include "worker/lane.hpp"
#include "worker/launcher.hpp"
#include "worker/loader.hpp"
#include "worker/log_names.hpp"
#include "worker/mailbox_io.hpp"
#include "worker/replay.hpp"

namespace jobhost::worker {
namespace {

void mark(ControlMemory& control, unsigned first, unsigned count, LaneState state, const char* message) {
  for (unsigned i = 0; i < count; ++i) {
    Lane& lane = control->lane[first + i];
    std::strncpy(lane.message, message, sizeof lane.message - 1);
    lane.state.store(state, std::memory_order_release);
  }
  control->bell.fetch_add(1);
  store::futex_wake_all(control->bell);
}

/// The list of loaded files, for the supervisor to put beside a crash.
void publish_modules(Lane& lane) {
  std::string text;
  for (const auto& path : recorded_modules()) text += path + "\n";
  if (text.size() < sizeof lane.modules) std::memcpy(lane.modules, text.c_str(), text.size() + 1);
}

/// What is printed goes to a file of this executor's own from here on.
void open_printed(base::Env& env, const std::string& path) {
  const base::File printed(env, path, O_WRONLY | O_CREAT | O_APPEND);
  for (int standard : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(printed.fd(), standard);
}

/// The loader reads LD_LIBRARY_PATH only when a program starts. One that was started before it was known what is to be
/// loaded starts again. Does not return then.
void search_libraries(const Plan& plan, char** argv) {
  const std::string folders = library_path(plan);
  const char* searched = std::getenv("LD_LIBRARY_PATH");
  if (folders == (searched ? searched : "")) return;
  ::setenv("LD_LIBRARY_PATH", folders.c_str(), 1);
  ::execv(argv[0], argv);
  base::throw_file_error(-errno, "start", argv[0]);
}

/// The plugin in the calling context of the job, with its globals set.
LoadedPlugin prepare(const Plan& plan, bundle::Manifest& manifest) {
  manifest = bundle::manifest_from_json(plan.manifest_json, plan.job_directory + "/MANIFEST");
  context::restore(manifest.context);
  LoadedPlugin plugin(plan.libraries, plan.plugin);
  for (const auto& global : manifest.globals) plugin.set_global(global.symbol, global.value, global.library);
  return plugin;
}

/// argv: program, control descriptor, "replay", task.
int replay_main(base::Env& env, char** argv) {
  ::unsetenv("LD_LIBRARY_PATH");
  try {
    const Plan plan = ControlMemory(std::atoi(argv[1])).plan();
    bundle::Manifest manifest;
    const jobhost_entry entry = prepare(plan, manifest).kernel(manifest.kernel.symbol);
    const int code = replay_task(env, manifest, plan.job_directory, entry, std::strtoull(argv[3], nullptr, 10));
    std::fflush(nullptr);
    ::_exit(code);
  } catch (const base::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}

/// argv: program, control descriptor, "globals", what tell_globals takes.
[[noreturn]] void globals_main(base::Env& env, int argc, char** argv) {
  ::unsetenv("LD_LIBRARY_PATH");
  const auto load = [&] {
    bundle::Manifest manifest;
    return prepare(ControlMemory(std::atoi(argv[1])).plan(), manifest);
  };
  tell_globals(env, load, {argv + 3, argv + argc});
}

}  // namespace

int executor_main(base::Env& env, int argc, char** argv) {
  if (argc > 3 && std::string(argv[2]) == "globals") globals_main(env, argc, argv);
  if (argc == 4 && std::string(argv[2]) == "replay") return replay_main(env, argv);
  if (argc != 5) return static_cast<int>(base::ExitCode::kUsage);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a worker's executors never outlive it
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ControlMemory control(std::atoi(argv[1]));
  const auto first = static_cast<unsigned>(std::atoi(argv[2]));
  const auto count = static_cast<unsigned>(std::atoi(argv[3]));
  const std::string generation = argv[4];
  if (::getppid() != control->supervisor_pid) return 0;  // it died before it could be tied to this process
  const Plan plan = control.plan();
  if (control->stop.load() != 0) return 0;  // all was done meanwhile
  const bool solo = first == control->lanes;

  bundle::Manifest manifest;
  std::optional<LoadedPlugin> plugin;
  jobhost_entry entry = nullptr;
  try {
    search_libraries(plan, argv);
    ::unsetenv("LD_LIBRARY_PATH");  // the loader has read it; kernels and their children are not to see it
    open_printed(env, printed_path(plan, first, generation));
    plugin.emplace(prepare(plan, manifest));
    if (!manifest.open) entry = plugin->kernel(manifest.kernel.symbol);
  } catch (const base::Error& error) {
    mark(control, first, count, LaneState::kRefused, error.what());
    return static_cast<int>(base::ExitCode::kPluginRefused);
  }
  record_modules();
  install_crash_guard(count == 1 ? &control->lane[first] : nullptr);
  for (unsigned i = 0; i < count; ++i) {
    publish_modules(control->lane[first + i]);
    control->lane[first + i].state.store(LaneState::kIdle, std::memory_order_release);
  }
  if (control->lanes > count) control->ring();  // other executors may be started now

  std::unique_ptr<store::Doorbell> doorbell;
  if (plan.doorbell_fd >= 0) doorbell = std::make_unique<store::Doorbell>(plan.doorbell_fd);
  std::unique_ptr<store::Mailbox> mailbox;
  if (manifest.open) mailbox = std::make_unique<store::Mailbox>(plan.mailbox_fd);
  std::unique_ptr<PrintWatch> prints;
  if (count == 1 && !manifest.open)
    prints = std::make_unique<PrintWatch>(env, control->lane[first], printed_path(plan, first, generation));
  std::atomic<bool> logs_fine{true};
  run_lanes(count, [&](unsigned i) {
    Lane& lane = control->lane[first + i];
    guard_thread(lane);
    Queue& queue = solo ? control->solo : control->shared;
    const StackSource stacks{&last_throw_stack, &recorded_modules};
    std::unique_ptr<TaskIo> io;
    if (mailbox) {
      io = std::make_unique<MailboxIo>(env, *mailbox, store::JobDirectory(plan.job_directory).inputs(), first + i,
                                       *plugin, stacks, solo ? &queue : nullptr);
    } else {
      io = std::make_unique<JobIo>(env, *control, queue, manifest, plan, log_path(plan, first + i, generation),
                                   first + i, entry, doorbell.get(), stacks);
    }
    LaneRunner runner(env, *control, lane, queue, manifest, std::move(io), prints.get());
    if (!runner.run()) logs_fine = false;
  });
  // Destructors of the plugin's globals are not run: the process is only a place to compute in.
  ::_exit(logs_fine ? 0 : static_cast<int>(base::ExitCode::kBackendFailed));
}

}  // namespace jobhost::worker
