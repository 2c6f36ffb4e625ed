#include "backend/local.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "backend/worker_words.hpp"
#include "base/beneath.hpp"
#include "store/job_directory.hpp"
#include "store/party.hpp"

namespace jobhost::backend {
namespace {

constexpr unsigned kRestartsWithoutProgress = 5;
constexpr std::uint64_t kCheckNs = 200'000'000;         // between two looks whether the worker is suspended
constexpr std::uint64_t kMostAtOnceNs = 1'000'000'000;  // more between two of them is this process's own pause
constexpr std::uint64_t kStopNs = 5'000'000'000;        // for a worker that was told to end now
constexpr std::uint64_t kMostPauseNs = 10'000'000;
constexpr std::uint64_t kFarewellNs = 30'000'000'000;  // for a worker whose host is gone: it commits and syncs

/// One worker process on this machine; its executors are the lanes.
class Local : public Backend {
 public:
  Local(base::Env& env, std::string name, bool detached, RunWorker run_worker)
      : env_(env), name_(std::move(name)), detached_(detached), run_worker_(std::move(run_worker)) {
    if (!detached_ && ::pipe2(life_, O_CLOEXEC) < 0) base::throw_file_error(-errno, "make", "pipe");
  }

  ~Local() override {
    for (int fd : life_) {
      if (fd >= 0) ::close(fd);  // the worker sees this and ends
    }
    if (pid_ <= 0 || detached_) return;
    env_.kill(pid_, SIGCONT);  // suspended, it could not see anything
    base::ExitStatus status;
    const std::uint64_t begin = env_.monotonic_ns();
    for (std::uint64_t pause = 100'000; env_.wait(pid_, false, status) == 0;
         pause = std::min(2 * pause, kMostPauseNs)) {
      if (env_.monotonic_ns() - begin > kFarewellNs) env_.kill(pid_, SIGKILL);
      env_.sleep_ns(pause);
    }
  }

  std::string name() const override { return name_; }

  std::string plan(const WorkerCommand& command, unsigned lanes) override {
    std::string line;
    for (const auto& word : worker_words(command, lanes, name_)) line += (line.empty() ? "" : " ") + word;
    return line + "\n";
  }

  void prepare(const WorkerCommand& command, unsigned lanes) override {
    base::SpawnRequest request = request_for(command);
    const std::vector<std::string> words = {command.program, "worker",  "--mode",
                                            name_,           "--lanes", std::to_string(lanes)};
    request.arguments.insert(request.arguments.begin(), words.begin(), words.end());
    request.arguments.emplace_back("--");
    request.arguments.insert(request.arguments.end(), command.arguments.begin(), command.arguments.end());
    const int pid =
        run_worker_ ? env_.fork(request, [&] { return run_worker_(request.arguments); }) : env_.spawn(request);
    if (pid < 0) base::throw_file_error(pid, "start", command.program);
    pid_ = pid;
    waiting_ = true;
  }

  void start(const WorkerCommand& command, unsigned lanes) override {
    command_ = command;
    lanes_ = lanes;
    if (std::exchange(waiting_, false)) return tell(command);
    base::SpawnRequest request = request_for(command);
    const auto words = worker_words(command, lanes, name_);
    request.arguments.insert(request.arguments.begin(), words.begin(), words.end());
    const store::JobDirectory job(command.job_directory);
    const auto printed = base::open_beneath(env_, job.path(), job.printed() + "/worker", O_WRONLY | O_CREAT | O_APPEND);
    request.out = request.err = printed.fd();
    pid_ = env_.spawn(request);
    if (pid_ < 0) base::throw_file_error(pid_, "start", command.program);
  }

  Status look(std::uint64_t progress) override {
    base::ExitStatus status;
    if (pid_ > 0 && env_.wait(pid_, false, status) == pid_) {
      pid_ = -1;
      suspended_ = false;
      suspended_ns_ = 0;
      if (status.signaled && !stopping_) {
        if (progress != progress_at_restart_) restarts_in_vain_ = 0;
        progress_at_restart_ = progress;
        if (++restarts_in_vain_ > kRestartsWithoutProgress) {
          throw base::Error(base::ExitCode::kBackendFailed,
                            "the worker was killed " + std::to_string(restarts_in_vain_) + " times (signal " +
                                std::to_string(status.code) + ") without getting anywhere",
                            "what it printed is in '" + command_.job_directory + "/printed'");
        }
        ++restarts_;
        start(command_, lanes_);
      } else if (!status.signaled && status.code != 0) {
        throw base::Error(static_cast<base::ExitCode>(status.code),
                          "the worker ended with code " + std::to_string(status.code),
                          "what it printed is in '" + command_.job_directory + "/printed'");
      }
    }
    if (pid_ > 0) look_whether_it_moves();
    return {pid_ > 0 ? 1u : 0u, restarts_, suspended_ns_ > 0 ? pid_ : 0};
  }

  void stop(bool now) override {
    stopping_ = true;
    if (now && told_to_stop_ns_ == 0) told_to_stop_ns_ = env_.monotonic_ns();
    if (pid_ <= 0) return;
    env_.kill(pid_, SIGTERM);
    if (now) env_.kill(pid_, SIGTERM);
    env_.kill(pid_, SIGCONT);  // one that is suspended is to hear it, too
  }

 private:
  /// A worker that is suspended holds its claims and does nothing.
  void look_whether_it_moves() {
    const std::uint64_t now = env_.monotonic_ns();
    if (told_to_stop_ns_ != 0 && now - told_to_stop_ns_ > kStopNs) env_.kill(pid_, SIGKILL);
    const std::uint64_t since = now - last_check_ns_;
    if (since < kCheckNs) return;
    last_check_ns_ = now;
    const bool was_suspended = std::exchange(suspended_, store::is_suspended(env_, pid_));
    suspended_ns_ = suspended_ && was_suspended ? suspended_ns_ + std::min(since, kMostAtOnceNs) : 0;
    if (suspended_ns_ >= command_.lease_ns) env_.kill(pid_, SIGKILL);  // look() then starts another
  }

  /// All but the words that differ.
  base::SpawnRequest request_for(const WorkerCommand& command) const {
    base::SpawnRequest request;
    request.program = command.program;
    if (!detached_) {
      for (const auto& [option, fd] :
           {std::pair{"--host-fd", life_[0]}, std::pair{"--doorbell-fd", command.doorbell_fd},
            std::pair{"--mailbox-fd", command.mailbox_fd}}) {
        if (fd < 0) continue;
        request.arguments.insert(request.arguments.end(), {option, std::to_string(fd)});
        request.keep.push_back(fd);
      }
    }
    request.environment = environment_of_starter();
    request.new_session = true;  // Ctrl-C is the host's to interpret
    return request;
  }

  /// The worker that was prepared learns its job. One that died meanwhile is noticed as any other: this process holds
  /// the other end of the pipe, too, so that writing to it always works.
  void tell(const WorkerCommand& command) {
    std::string text = command.job_directory;
    text.push_back('\0');
    text += command.manifest_sha256;
    text.push_back('\0');
    const auto size = static_cast<ssize_t>(text.size());
    if (env_.write(life_[1], text.data(), text.size()) != size) base::throw_file_error(-EIO, "write to", "pipe");
  }

  base::Env& env_;
  std::string name_;
  bool detached_;
  RunWorker run_worker_;
  bool waiting_ = false;  // prepared, and without a job
  WorkerCommand command_;
  unsigned lanes_ = 0;
  int life_[2] = {-1, -1};
  int pid_ = -1;
  bool stopping_ = false;
  bool suspended_ = false;  // when last looked
  std::uint64_t suspended_ns_ = 0, last_check_ns_ = 0, told_to_stop_ns_ = 0;
  unsigned restarts_ = 0, restarts_in_vain_ = 0;
  std::uint64_t progress_at_restart_ = 0;
};

}  // namespace

std::unique_ptr<Backend> make_local(base::Env& env, const std::string& name, bool detached,
                                    const RunWorker& run_worker) {
  return std::make_unique<Local>(env, name, detached, run_worker);
}

}  // namespace jobhost::backend
