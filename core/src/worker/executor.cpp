#include "worker/executor.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>

#include "base/beneath.hpp"
#include "worker/crash_guard.hpp"
#include "worker/globals.hpp"
#include "worker/job_io.hpp"
#include "worker/lane.hpp"
#include "worker/launcher.hpp"
#include "worker/log_names.hpp"
#include "worker/mailbox_io.hpp"
#include "worker/prepared_job.hpp"
#include "worker/replay.hpp"
#include "worker/surroundings.hpp"

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
void open_printed(base::Env& env, const Plan& plan, const std::string& path) {
  const auto printed = base::open_beneath(env, plan.job_directory, path, O_WRONLY | O_CREAT | O_APPEND);
  for (int standard : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(printed.fd(), standard);
}

const ControlMemory* shared_with_supervisor = nullptr;  // for a handler that gets no argument

/// orders: control descriptor, "replay", task.
int replay_main(base::Env& env, const std::vector<std::string>& orders) {
  try {
    const ControlMemory control(std::atoi(orders[0].c_str()));  // open as long as this process may start again
    const Plan plan = control.plan();
    const auto manifest = bundle::manifest_from_json(plan.manifest_json, plan.job_directory + "/MANIFEST");
    start_again_unless_surrounded(manifest.context, plan, orders);
    const PreparedJob job(env, manifest, plan, {}, [](const store::Note& note) {
      if (!note.text.empty()) std::fprintf(stderr, "note: %s\n", note.text.c_str());
    });
    const jobhost_entry entry = job.plugin().kernel(manifest.kernel.symbol);
    context::floating_point_of(manifest.context).enter();
    const int code =
        replay_task(env, manifest, plan.job_directory, entry, std::strtoull(orders[2].c_str(), nullptr, 10));
    std::fflush(nullptr);
    ::_exit(code);
  } catch (const base::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}

}  // namespace

int executor_main(base::Env& env) {
  const std::vector<std::string> orders = take_orders();
  if (orders.size() >= 3 && orders[1] == "replay") return replay_main(env, orders);
  if (orders.size() >= 3 && orders[1] == "globals") tell_globals(env, orders);
  if (orders.size() < 5 || orders[1] != "lanes") return static_cast<int>(base::ExitCode::kUsage);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a worker's executors never outlive it
  forbid_core_dumps();
  ControlMemory control(std::atoi(orders[0].c_str()));
  const auto first = static_cast<unsigned>(std::atoi(orders[2].c_str()));
  const auto count = static_cast<unsigned>(std::atoi(orders[3].c_str()));
  const std::string generation = orders[4];
  if (::getppid() != control->supervisor_pid) return 0;  // it died before it could be tied to this process
  const Plan plan = control.plan();
  if (control->stop.load() != 0) return 0;  // all was done meanwhile
  const bool solo = first == control->lanes;

  bundle::Manifest manifest;
  std::optional<PreparedJob> job;
  jobhost_entry entry = nullptr;
  const auto tell = [&](const store::Note& note) {
    store::add_note(env, store::JobDirectory(plan.job_directory), plan.worker_id, note);
  };
  try {
    manifest = bundle::manifest_from_json(plan.manifest_json, plan.job_directory + "/MANIFEST");
    if (manifest.isolate_globals && count > 1) {
      throw base::Error(base::ExitCode::kPluginRefused, "threads share their globals, and the job isolates them",
                        "use the backend 'processes', or one lane (-j 1)");
    }
    start_again_unless_surrounded(manifest.context, plan, orders);
    control.close_descriptor();  // tasks have no business there
    open_printed(env, plan, printed_path(plan, first, generation));
    job.emplace(env, manifest, plan, context::Place{first, count}, tell);
    if (!manifest.open) entry = job->plugin().kernel(manifest.kernel.symbol);
  } catch (const base::Error& error) {
    mark(control, first, count, LaneState::kRefused, error.what());
    return static_cast<int>(error.code());
  }
  shared_with_supervisor = &control;
  ::pthread_atfork(nullptr, nullptr, [] { shared_with_supervisor->make_private(); });
  record_modules();
  install_crash_guard(count == 1 ? &control->lane[first] : nullptr);
  for (unsigned i = 0; i < count; ++i) {
    publish_modules(control->lane[first + i]);
    control->lane[first + i].state.store(LaneState::kIdle, std::memory_order_release);
  }
  control->ring();  // tasks may be claimed, and other executors started

  std::unique_ptr<store::Doorbell> doorbell;
  if (plan.doorbell_fd >= 0) doorbell = std::make_unique<store::Doorbell>(plan.doorbell_fd);
  if (doorbell) doorbell->close_descriptor();
  std::unique_ptr<store::Mailbox> mailbox;
  if (manifest.open) mailbox = std::make_unique<store::Mailbox>(plan.mailbox_fd);
  std::unique_ptr<PrintWatch> prints;
  if (count == 1 && !manifest.open)
    prints = std::make_unique<PrintWatch>(env, control->lane[first], store::JobDirectory(plan.job_directory),
                                          printed_path(plan, first, generation));
  run_lanes(count, [&](unsigned i) {
    Lane& lane = control->lane[first + i];
    guard_thread(lane);
    Queue& queue = solo ? control->solo : control->shared;
    const StackSource stacks{&last_throw_stack, &recorded_modules};
    std::unique_ptr<TaskIo> io;
    if (mailbox) {
      io = std::make_unique<MailboxIo>(env, *mailbox, store::JobDirectory(plan.job_directory).inputs(), first + i,
                                       job->plugin(), stacks, solo ? &queue : nullptr);
    } else {
      io = std::make_unique<JobIo>(env, *control, queue, manifest, plan, log_path(plan, first + i, generation),
                                   first + i, entry, doorbell.get(), stacks);
    }
    LaneContext context{context::floating_point_of(manifest.context), nullptr, [&] { job->look_at_data(); }, tell};
    if (manifest.isolate_globals) context.before_task = [&] { job->restore_globals(); };
    LaneRunner runner(env, *control, lane, queue, manifest, std::move(io), prints.get(), std::move(context));
    if (!runner.run()) ::_exit(static_cast<int>(base::ExitCode::kBackendFailed));  // other lanes would wait for tasks
  });
  job->look_at_data();
  job->look_at_process();
  // Destructors of the plugin's globals are not run: the process is only a place to compute in.
  ::_exit(0);
}

}  // namespace jobhost::worker
