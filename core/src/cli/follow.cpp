#include "cli/follow.hpp"

#include "backend/backend.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/progress.hpp"
#include "cli/reduce_output.hpp"
#include "cli/signals.hpp"
#include "cli/task_words.hpp"
#include "host/ownership.hpp"
#include "host/worker_watch.hpp"
#include "store/doorbell.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kWakeNs = 50'000'000;
constexpr std::uint64_t kPollNs = 100'000'000;  // without a doorbell
constexpr std::uint64_t kBeatNs = 1'000'000'000;
constexpr std::uint64_t kFarewellNs = 10'000'000'000;
constexpr std::uint64_t kSilenceNs = 2'000'000'000;  // nobody working, nothing new: attach gives up

/// The host's side of a running job: workers it started, and the right to do so.
struct Running {
  host::Ownership ownership;
  store::Doorbell doorbell;
  std::unique_ptr<backend::Backend> backend;
};

class Follower {
 public:
  Follower(Session& session, const host::Job& job, const FollowOptions& options)
      : session_(session),
        job_(job),
        options_(options),
        stream_(session.env, job),
        progress_(session, job.manifest.tasks, options.start ? options.start->lanes : job.manifest.workers),
        output_(make_output(session.env, job, options.output, job.manifest.tasks, [this] { progress_.clear(); })),
        explainer_(job),
        words_(session.env, job),
        watch_(session.env, job) {}

  int run() {
    if (options_.start) start_workers();
    while (!stream_.finished()) {
      const std::uint32_t bell = running_ ? running_->doorbell.count() : 0;
      pump();
      if (stream_.finished()) break;
      if (running_ && stream_.failed() >= options_.max_failures) give_up();
      progress_.update(stream_);
      if (!look_after_workers()) return interrupted();
      rest(bell);
    }
    output_->finish();
    say_farewell();
    progress_.finish(stream_, job_.manifest.job);
    return stream_.failed() > 0 ? 1 : 0;
  }

 private:
  /// Prints all that is there in order. True when the logs held anything new.
  bool pump() {
    const bool fresh = stream_.poll();
    bool any = false;
    while (const host::Block* block = options_.in_order ? stream_.next() : stream_.next_available()) {
      any = true;
      if (block->failed) {
        const auto failure = explainer_.explain(block->failure, block->modules);
        output_->write(*block, &failure);
        progress_.failed(failure, block->first, words_.inputs_of(block->first));
      } else {
        output_->write(*block, nullptr);
      }
      if (Signals::requests.load() > requests_seen_) break;
      progress_.update(stream_);
    }
    if (any) output_->flush();
    return fresh;
  }

  void rest(std::uint32_t bell) {
    if (running_) {
      running_->doorbell.wait(bell, kWakeNs);
    } else {
      session_.env.sleep_ns(kPollNs);
    }
  }

  /// False when no worker will bring more.
  bool look_after_workers() {
    const int requests = Signals::requests.load();
    if (requests > requests_seen_) {
      requests_seen_ = requests;
      progress_.clear();
      if (!running_) return false;
      session_.say(requests == 1 ? "stopping: running tasks are finished and committed; again to stop them now"
                                 : "stopping now");
      running_->backend->stop(requests > 1);
    }
    if (!running_) return somebody_works();
    const std::uint64_t now = session_.env.monotonic_ns();
    if (now - last_beat_ >= kBeatNs) {
      last_beat_ = now;
      running_->ownership.beat();
    }
    complain();
    backend::Status status;
    try {
      status = running_->backend->look(stream_.done());
    } catch (const base::Error&) {
      complain();  // the worker's own words say more than its exit code
      throw;
    }
    if (status.running > 0) return true;
    while (pump() && Signals::requests.load() <= requests_seen_) {
    }  // what they wrote last
    if (stream_.finished()) return true;
    if (requests_seen_ > 0 || gave_up_ || cancelled()) return false;
    throw base::Error(base::ExitCode::kBackendFailed, "the workers ended, and " + done_of_all() + " are done",
                      "jobhost resume " + job_.manifest.job);
  }

  bool cancelled() const { return base::exists(session_.env, job_.directory.cancel()); }
  std::string done_of_all() const {
    return std::to_string(stream_.done()) + " of " + std::to_string(job_.manifest.tasks) + " tasks";
  }

  void complain() {
    const auto [code, message] = running_->doorbell.complaint();
    if (code == 0) return;
    progress_.clear();
    const std::size_t end = message.find('\n');
    throw base::Error(static_cast<base::ExitCode>(code), message.substr(0, end),
                      end == std::string::npos ? "" : message.substr(end + 1));
  }

  bool somebody_works() {
    const std::uint64_t now = session_.env.monotonic_ns();
    if (stream_.done() != last_done_ || last_change_ == 0) {
      last_done_ = stream_.done();
      last_change_ = now;
    }
    if (now - last_change_ < kSilenceNs || watch_.anyone_alive()) return true;
    pump();
    if (stream_.finished()) return true;
    throw base::Error(base::ExitCode::kBackendFailed,
                      "no worker is running job " + job_.manifest.job + ": " + done_of_all() + " are done",
                      "jobhost resume " + job_.manifest.job);
  }

  void start_workers() {
    session_.env.remove(job_.directory.cancel());
    running_.reset(
        new Running{{session_.env, job_}, {}, backend::make_local(session_.env, options_.start->backend, false)});
    running_->backend->start({Session::program(), job_.directory.path(), job_.manifest_sha256, running_->doorbell.fd()},
                             options_.start->lanes);
  }

  /// Too many tasks failed.
  void give_up() {
    if (!gave_up_) running_->backend->stop(false);
    gave_up_ = true;
  }

  int interrupted() {
    output_->flush();
    progress_.clear();
    const bool is_cancelled = cancelled();
    if (gave_up_)
      session_.say("gave up: " + std::to_string(stream_.failed()) + " tasks failed; see jobhost errors " +
                   job_.manifest.job);
    session_.say((is_cancelled ? "cancelled: "
                  : gave_up_   ? ""
                               : "interrupted: ") +
                 done_of_all() + " are done and kept");
    if (running_ || is_cancelled) session_.say("go on with: jobhost resume " + job_.manifest.job);
    if (gave_up_ && Signals::requests.load() == 0) return static_cast<int>(base::ExitCode::kTasksFailed);
    return Signals::requests.load() > 0 ? Signals::exit_code() : static_cast<int>(base::ExitCode::kInterrupted);
  }

  /// Lets workers write DONE and end; their results are all here already.
  void say_farewell() {
    if (!running_) return;
    const std::uint64_t begin = session_.env.monotonic_ns();
    while (running_->backend->look(stream_.done()).running > 0) {
      const std::uint64_t waited = session_.env.monotonic_ns() - begin;
      if (waited > kFarewellNs || Signals::requests.load() > requests_seen_) running_->backend->stop(true);
      running_->doorbell.wait(running_->doorbell.count(), 2'000'000);
    }
    complain();
  }

  Session& session_;
  const host::Job& job_;
  const FollowOptions& options_;
  host::ResultStream stream_;
  Progress progress_;
  std::unique_ptr<BlockOutput> output_;
  host::Explainer explainer_;
  TaskWords words_;
  host::WorkerWatch watch_;
  std::unique_ptr<Running> running_;
  bool gave_up_ = false;
  int requests_seen_ = 0;
  std::uint64_t last_beat_ = 0, last_change_ = 0, last_done_ = 0;
};

}  // namespace

int follow(Session& session, const host::Job& job, const FollowOptions& options) {
  return Follower(session, job, options).run();
}

}  // namespace jobhost::cli
