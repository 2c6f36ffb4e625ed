#include "cli/follow.hpp"

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/progress.hpp"
#include "cli/reduce_output.hpp"
#include "cli/signals.hpp"
#include "cli/task_words.hpp"
#include "host/notes.hpp"
#include "host/worker_watch.hpp"
#include "host/workers.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kWakeNs = 50'000'000;
constexpr std::uint64_t kPollNs = 100'000'000;  // without a doorbell
constexpr std::uint64_t kFarewellNs = 10'000'000'000;

/// For jobs whose results are not to be seen.
class NoOutput : public BlockOutput {
 public:
  void write(const host::Block&, const host::Explanation*) override {}
  void flush() override {}
  void finish() override {}
};

class Follower {
 public:
  Follower(Session& session, const host::Job& job, const FollowOptions& options, std::unique_ptr<host::HeadStart> ahead)
      : session_(session),
        job_(job),
        options_(options),
        stream_(session.env, job),
        progress_(session, job.manifest.tasks, options.start ? options.start->lanes : job.manifest.workers),
        output_(options.rows
                    ? make_output(session.env, job, options.output, job.manifest.tasks, [this] { progress_.clear(); })
                    : std::make_unique<NoOutput>()),
        explainer_(session.env, job),
        words_(session.env, job),
        watch_(session.env, job),
        ahead_(std::move(ahead)) {}

  int run() {
    if (ahead_) {
      workers_ = std::make_unique<host::Workers>(session_.env, job_, std::move(ahead_));
    } else if (options_.start) {
      workers_ = std::make_unique<host::Workers>(session_.env, job_, Session::program(), options_.start->backend,
                                                 options_.start->lanes);
    }
    while (!stream_.finished()) {
      const std::uint32_t bell = workers_ ? workers_->bell().count() : 0;
      pump();
      if (stream_.finished()) break;
      if (workers_ && stream_.failed() >= options_.max_failures) give_up();
      progress_.update(stream_);
      if (!look_after_workers()) return interrupted();
      rest(bell);
    }
    output_->finish();
    say_farewell();
    progress_.finish(stream_, options_.rows ? job_.manifest.job : "");
    for (const auto& note : host::notes_of(session_.env, job_)) session_.say("note: " + note);
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
    if (workers_) {
      workers_->bell().wait(bell, kWakeNs);
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
      if (!workers_) return false;
      session_.say(requests == 1 ? "stopping: running tasks are finished and committed; again to stop them now"
                                 : "stopping now");
      workers_->stop(requests > 1);
    }
    if (!workers_) return somebody_works();
    if (workers_running()) return true;
    while (pump() && Signals::requests.load() <= requests_seen_) {
    }  // what they wrote last
    if (stream_.finished()) return true;
    if (requests_seen_ > 0 || gave_up_ || cancelled()) return false;
    throw base::Error(base::ExitCode::kBackendFailed, "the workers ended, and " + done_of_all() + " are done",
                      "jobhost resume " + job_.manifest.job);
  }

  bool cancelled() const { return job_.directory.is_cancelled(session_.env); }
  std::string done_of_all() const {
    return std::to_string(stream_.done()) + " of " + std::to_string(job_.manifest.tasks) + " tasks";
  }

  /// The progress line is wiped before anything is thrown.
  bool workers_running() {
    try {
      return workers_->running(stream_.done());
    } catch (const base::Error&) {
      progress_.clear();
      throw;
    }
  }

  bool somebody_works() {
    if (watch_.working(stream_.done())) return true;
    pump();
    if (stream_.finished()) return true;
    throw base::Error(base::ExitCode::kBackendFailed,
                      "no worker is running job " + job_.manifest.job + ": " + done_of_all() + " are done",
                      "jobhost resume " + job_.manifest.job);
  }

  /// Too many tasks failed.
  void give_up() {
    if (!gave_up_) workers_->stop(false);
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
    if (options_.rows && (workers_ || is_cancelled)) session_.say("go on with: jobhost resume " + job_.manifest.job);
    if (gave_up_ && Signals::requests.load() == 0) return static_cast<int>(base::ExitCode::kTasksFailed);
    return Signals::requests.load() > 0 ? Signals::exit_code() : static_cast<int>(base::ExitCode::kInterrupted);
  }

  /// Lets workers write DONE and end; their results are all here already.
  void say_farewell() {
    if (!workers_) return;
    const std::uint64_t begin = session_.env.monotonic_ns();
    while (workers_running()) {
      const std::uint64_t waited = session_.env.monotonic_ns() - begin;
      if (waited > kFarewellNs || Signals::requests.load() > requests_seen_) workers_->stop(true);
      workers_->bell().wait(workers_->bell().count(), 2'000'000);
    }
    workers_->throw_complaint();
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
  std::unique_ptr<host::HeadStart> ahead_;
  std::unique_ptr<host::Workers> workers_;
  bool gave_up_ = false;
  int requests_seen_ = 0;
};

}  // namespace

int follow(Session& session, const host::Job& job, const FollowOptions& options,
           std::unique_ptr<host::HeadStart> ahead) {
  return Follower(session, job, options, std::move(ahead)).run();
}

}  // namespace jobhost::cli
