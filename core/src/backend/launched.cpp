#include "backend/launched.hpp"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "backend/option_names.hpp"
#include "backend/worker_words.hpp"
#include "base/beneath.hpp"
#include "store/job_directory.hpp"
#include "store/party.hpp"
#include "store/refusals.hpp"

namespace jobhost::backend {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr unsigned kRestartsWithoutProgress = 5;
constexpr std::uint64_t kStopNs = 5 * kSecond;    // for workers that were told to end now, then for their launcher
constexpr std::uint64_t kGraceNs = 10 * kSecond;  // for what the last worker wrote to be seen here
constexpr std::uint64_t kMostPauseNs = 10'000'000;

class Launched : public Backend {
 public:
  Launched(base::Env& env, Launcher launcher, bool detached)
      : env_(env), launcher_(std::move(launcher)), detached_(detached) {}

  ~Launched() override {
    if (pid_ <= 0 || detached_) return;
    if (ending_since_ns_ == 0) ending_since_ns_ = env_.monotonic_ns();
    base::ExitStatus status;
    // Where workers know that they are to end, the launcher has no reason to kill them.
    const bool they_know = stopping_ || base::exists(env_, directory().done());
    if (!they_know) env_.kill(pid_, SIGTERM);
    for (std::uint64_t pause = 100'000; env_.wait(pid_, false, status) == 0;
         pause = std::min(2 * pause, kMostPauseNs)) {
      end_late_launcher();
      env_.sleep_ns(pause);
    }
  }

  std::string name() const override { return launcher_.name; }

  std::string plan(const WorkerCommand& command, unsigned lanes) override {
    std::string line;
    for (const auto& word : words(command, lanes)) line += (line.empty() ? "" : " ") + shell_word(word);
    return line + "\n";
  }

  void prepare(const WorkerCommand&, unsigned) override {}

  void start(const WorkerCommand& command, unsigned lanes) override {
    command_ = command;
    lanes_ = lanes;
    workers_before_ = workers_so_far();
    base::SpawnRequest request;
    request.program = launcher_.program;
    request.arguments = words(command, lanes);
    request.environment = launcher_.environment;
    request.new_session = true;  // Ctrl-C is the host's to interpret
    const auto printed = open_printed(O_WRONLY | O_CREAT | O_APPEND);
    printed_before_ = printed.size();
    request.out = request.err = printed.fd();
    pid_ = env_.spawn(request);
    if (pid_ < 0) base::throw_file_error(pid_, "start", launcher_.program);
    ended_ns_ = 0;
  }

  Status look(std::uint64_t progress) override {
    base::ExitStatus status;
    if (pid_ > 0 && env_.wait(pid_, false, status) == pid_) {
      pid_ = -1;
      ended_ns_ = env_.monotonic_ns();
      if ((status.signaled || status.code != 0) && !stopping_ && !directory().is_done(env_)) replace(status, progress);
    }
    if (pid_ > 0 && ending_since_ns_ != 0) end_late_launcher();
    return {pid_ > 0 || may_be_late() ? 1u : 0u, restarts_};
  }

  void stop(bool now) override {
    stopping_ = true;
    const store::JobDirectory job = directory();
    base::write_file_atomically(env_, job.cancel(), {}, false);
    if (!now) return;
    base::write_file_atomically(env_, job.cancel_now(), {}, false);
    if (ending_since_ns_ == 0) ending_since_ns_ = env_.monotonic_ns();
  }

 private:
  store::JobDirectory directory() const { return store::JobDirectory(command_.job_directory); }

  base::File open_printed(int flags) const {
    const store::JobDirectory job = directory();
    return base::open_beneath(env_, job.path(), job.printed() + "/worker", flags);
  }

  std::vector<std::string> words(const WorkerCommand& command, unsigned lanes) const {
    const unsigned each = launcher_.lanes_per_worker, workers = (lanes + each - 1) / each;
    std::vector<std::string> all = {launcher_.program};
    all.insert(all.end(), launcher_.arguments.begin(), launcher_.arguments.end());
    all.insert(all.end(), {launcher_.count, std::to_string(workers)});
    const auto worker = worker_words(command, std::min(each, lanes), "processes");
    all.insert(all.end(), worker.begin(), worker.end());
    all.emplace_back("--in-group");
    return all;
  }

  std::size_t workers_so_far() const {
    const auto parties = store::all_parties(env_, directory());
    return static_cast<std::size_t>(
        std::count_if(parties.begin(), parties.end(), [](const auto& party) { return party.role == "worker"; }));
  }

  /// Workers end with code 0: another one means that one was killed, or that none was started.
  void replace(const base::ExitStatus& status, std::uint64_t progress) {
    if (!status.signaled && workers_so_far() == workers_before_) {
      const std::string said = complaint(status);
      throw base::Error(base::ExitCode::kBackendFailed, launcher_.program + " started no worker: " + said,
                        meant_option(launcher_.name, launcher_.options, said) + "all that it said is in '" +
                            directory().printed() + "/worker'");
    }
    if (progress != progress_at_restart_) restarts_in_vain_ = 0;
    progress_at_restart_ = progress;
    if (++restarts_in_vain_ > kRestartsWithoutProgress) {
      throw base::Error(base::ExitCode::kBackendFailed,
                        "workers of " + launcher_.program + " were killed " + std::to_string(restarts_in_vain_) +
                            " times without getting anywhere: " + how(status),
                        "what they printed is in '" + directory().printed() + "'");
    }
    ++restarts_;
    start(command_, lanes_);
  }

  static std::string how(const base::ExitStatus& status) {
    return (status.signaled ? "it was ended by signal " : "it ended with code ") + std::to_string(status.code);
  }

  /// What the launcher printed first since it was started, else how it ended. Open MPI prints paragraphs between lines
  /// of dashes, others print lines.
  std::string complaint(const base::ExitStatus& status) const {
    base::Bytes bytes(600);
    bytes.resize(open_printed(O_RDONLY).read_at(printed_before_, bytes));
    std::string text(base::as_text(bytes));
    const std::size_t begin = text.find_first_not_of("- \n");
    if (begin == std::string::npos) return how(status);
    const bool paragraph = text.starts_with("--");
    text = text.substr(
        begin,
        (paragraph ? std::min(text.find("\n\n", begin), text.find("\n--", begin)) : text.find('\n', begin)) - begin);
    text.erase(text.find_last_not_of(" .\n") + 1);
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }

  /// What was asked to end and did not is killed.
  void end_late_launcher() {
    const std::uint64_t since = env_.monotonic_ns() - ending_since_ns_;
    if (since > 2 * kStopNs) {
      env_.kill(pid_, SIGKILL);
    } else if (since > kStopNs && !std::exchange(terminated_, true)) {
      env_.kill(pid_, SIGTERM);
      env_.kill(pid_, SIGCONT);
    }
  }

  /// Whether results of workers that ended may not have come here yet.
  bool may_be_late() const {
    return ended_ns_ != 0 && !stopping_ && env_.monotonic_ns() - ended_ns_ < kGraceNs && !directory().is_done(env_) &&
           store::read_refusals(env_, directory()).empty();
  }

  base::Env& env_;
  Launcher launcher_;
  bool detached_;
  WorkerCommand command_;
  unsigned lanes_ = 0;
  int pid_ = -1;
  bool stopping_ = false, terminated_ = false;
  std::uint64_t ended_ns_ = 0, ending_since_ns_ = 0;
  std::uint64_t printed_before_ = 0;  // bytes
  std::size_t workers_before_ = 0;
  unsigned restarts_ = 0, restarts_in_vain_ = 0;
  std::uint64_t progress_at_restart_ = 0;
};

}  // namespace

std::unique_ptr<Backend> make_launched(base::Env& env, Launcher launcher, bool detached) {
  return std::make_unique<Launched>(env, std::move(launcher), detached);
}

}  // namespace jobhost::backend
