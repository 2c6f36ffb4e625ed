#include "cli/follow.hpp"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "backend/queue.hpp"
#include "base/beneath.hpp"
#include "base/error.hpp"
#include "cli/job_names.hpp"
#include "cli/one_line.hpp"
#include "cli/progress.hpp"
#include "cli/reduce_output.hpp"
#include "cli/signals.hpp"
#include "cli/task_words.hpp"
#include "host/notes.hpp"
#include "host/refusals.hpp"
#include "host/worker_watch.hpp"
#include "host/workers.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kWakeNs = 50'000'000;
constexpr std::uint64_t kLongNs = 1'000'000'000;  // for a task
constexpr std::uint64_t kFarewellNs = 10'000'000'000;
constexpr std::uint64_t kQueueNs = 3'000'000'000;          // between two questions
constexpr std::uint64_t kQueueSilenceNs = 60'000'000'000;  // until no answer is taken for an empty queue

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
        progress_(session, options.rows ? job.called : "", job.manifest.tasks,
                  options.start ? options.start->lanes : job.manifest.workers),
        explainer_(session.env, job),
        words_(session.env, job),
        watch_(session.env, job),
        ahead_(std::move(ahead)) {}

  int run() {
    try {
      return follow();
    } catch (const ReaderGone&) {
      progress_.clear();
      if (workers_) {
        workers_->stop(false);
        session_.say("the output was closed; go on with: jobhost resume " + job_.called);
      }
      throw;
    } catch (const base::Error& error) {
      progress_.clear();
      throw_if_gone(session_.env, job_);
      if (error.code() != base::ExitCode::kBackendFailed || !options_.rows) throw;
      stream_.read_all();  // what was done before this host came
      const std::string hint = error.hint().empty() ? "" : error.hint() + "\n";
      throw base::Error(error.code(), error.what(),
                        hint + done_of_all() + " are done and kept; go on with: jobhost resume " + job_.called);
    }
  }

 private:
  int follow() {
    begin();
    while (!stream_.finished()) {
      const std::uint32_t bell = workers_ ? workers_->bell().count() : 0;
      const bool fresh = pump();
      if (stream_.finished()) break;
      if (workers_ && stream_.failed() >= options_.max_failures) give_up();
      progress_.update(stream_, longest_running());
      if (!look_after_workers()) return interrupted();
      rest(bell, fresh);
    }
    if (workers_) workers_->ownership().require();
    output_->finish();
    say_farewell();
    progress_.finish(stream_, options_.output.file);
    for (const auto& sentence :
         {left_out_words(job_, options_.output), fill_in_words(options_.output, stream_.failed())}) {
      if (!sentence.empty()) session_.say(sentence);
    }
    for (const auto& note : host::notes_of(session_.env, job_)) session_.say("note: " + note);
    return stream_.failed() > 0 ? 1 : 0;
  }

  /// Nothing is touched that belongs to another host before this one owns the job, and no task runs in vain.
  void begin() {
    std::optional<host::Ownership> ownership;
    if (options_.start) {
      ownership.emplace(session_.env, job_, options_.steal);
      remove_unfinished_output(session_.env, job_);
    }
    output_ = std::make_unique<NoOutput>();
    if (options_.rows) {
      output_ = make_output(
          session_.env, job_, options_.output, job_.manifest.tasks, [this] { progress_.clear(); },
          ownership ? Part::kOfOwner : Part::kOfReader);
    }
    if (!ownership) return;
    if (!ahead_) {
      ahead_ = std::make_unique<host::HeadStart>(session_.env, Session::program(), options_.start->backend,
                                                 options_.start->lanes);
    }
    workers_ = std::make_unique<host::Workers>(session_.env, job_, std::move(*ownership), std::move(ahead_));
  }

  /// Prints all that is there in order. True when the logs held anything new.
  bool pump() {
    const bool fresh = stream_.poll();
    bool any = false;
    while (const host::Block* block = options_.in_order ? stream_.next() : stream_.next_available()) {
      any = true;
      if (workers_) workers_->ownership().keep();
      if (block->failed) {
        const auto failure = explainer_.explain(block->failure, block->modules);
        output_->write(*block, &failure);
        progress_.failed(failure, block->first, words_.inputs_of(block->first));
      } else {
        output_->write(*block, nullptr);
      }
      if (Signals::requests.load() > requests_seen_) break;
      progress_.update(stream_, longest_running());
    }
    if (any) output_->flush();
    return fresh;
  }

  /// `fresh`: something came. Nothing rings for workers elsewhere.
  void rest(std::uint32_t bell, bool fresh) {
    if (workers_ && workers_->local()) {
      workers_->bell().wait(bell, kWakeNs);
    } else {
      session_.env.sleep_ns(pause_.next_ns(fresh));
    }
  }

  /// False when no worker will bring more.
  bool look_after_workers() {
    const int requests = Signals::requests.load();
    if (requests > requests_seen_) {
      requests_seen_ = requests;
      progress_.clear();
      if (!workers_) return false;
      left_alone_ = requests == 1 && Signals::last.load() == SIGHUP && workers_->go_on_alone();
      if (left_alone_) return false;
      session_.say(requests == 1 ? "stopping: running tasks are finished and committed; again to stop them now"
                                 : "stopping now");
      if (requests == 1) say_what_runs();
      workers_->stop(requests > 1);
    }
    if (!workers_) return somebody_works();
    if (workers_running()) return true;
    stream_.read_all();
    while (pump() && Signals::requests.load() <= requests_seen_) {
    }  // what they wrote last
    if (stream_.finished()) return true;
    if (requests_seen_ > 0 || gave_up_ || cancelled()) return false;
    if (watch_.lags() && watch_.working(stream_.done())) return true;
    throw_unfinished("the workers ended before all was done");
  }

  store::Doorbell::Running longest_running() const {
    return workers_ ? workers_->bell().longest_running() : store::Doorbell::Running{};
  }

  /// What takes long to end, and how that is avoided.
  void say_what_runs() {
    const auto longest = longest_running();
    const std::uint64_t now = session_.env.monotonic_ns();
    if (longest.since_ns == 0 || now < longest.since_ns + kLongNs) return;
    const double seconds = static_cast<double>(now - longest.since_ns) * 1e-9;
    session_.say("waiting for task " + std::to_string(longest.task) + ", running for " + duration_text(seconds) +
                 (job_.manifest.timeout_ms == 0 ? " (--timeout SECONDS ends what runs for too long)" : ""));
  }

  bool cancelled() const { return job_.directory.is_cancelled(session_.env); }
  std::string done_of_all() const {
    return std::to_string(stream_.done()) + " of " + std::to_string(job_.manifest.tasks) + " tasks";
  }

  /// What this host's own workers cannot do, others may.
  bool workers_running() {
    try {
      if (!left_to_others_) {
        const bool running = workers_->running(stream_.done());
        say_how_they_are(workers_->status());
        return running;
      }
      workers_->ownership().keep();
      const bool alive = watch_.anyone_alive();
      if (alive && !std::exchange(told_, true)) {
        progress_.clear();
        session_.say(std::string("note: ") + own_failure_->what() + "; workers that others started go on");
      }
      return alive;
    } catch (const base::Error& error) {
      if (error.code() == base::ExitCode::kOwnedElsewhere || stream_.finished() || !watch_.anyone_alive()) throw;
      own_failure_ = error;  // the worker that said so may not have ended yet: who else there is shows the next time
      left_to_others_ = true;
      return true;
    }
  }

  void say_how_they_are(const backend::Status& now) {
    const backend::Status before = std::exchange(status_, now);
    progress_.set_waiting(now.waiting);
    if (now.note != before.note && !now.note.empty()) {
      progress_.clear();
      session_.say(now.note);
    }
    if (now.suspended == before.suspended) return;
    progress_.clear();
    const std::string one =
        "the worker with pid " + std::to_string(now.suspended > 0 ? now.suspended : before.suspended);
    if (now.suspended > 0) {
      session_.say(one + " is suspended: it is replaced after " + std::to_string(job_.manifest.lease_ms / 1000) +
                   " s, unless it goes on (kill -CONT " + std::to_string(now.suspended) + ")");
    } else if (now.restarts != before.restarts) {
      session_.say(one + " did not go on: another one takes over what it had claimed");
    } else if (now.running > 0) {
      session_.say(one + " goes on");
    }
  }

  bool somebody_works() {
    if (watch_.working(stream_.done()) || somebody_waits() || watch_.may_come()) return true;
    stream_.read_all();
    pump();
    if (stream_.finished()) return true;
    if (cancelled()) return false;
    throw_unfinished("no worker is running job " + job_.manifest.job);
  }

  /// Whether workers that are nobody's that could be seen are in a queue.
  bool somebody_waits() {
    const std::uint64_t now = session_.env.monotonic_ns();
    if (now < ask_queue_at_) return true;
    const auto queue = backend::ask_queue(session_.env, job_.directory.path());
    ask_queue_at_ = now + kQueueNs;
    if (!queue) return false;
    const auto& [running, waiting, reason, ended, blind] = queue->answer;
    if (running + waiting > 0) in_queue_at_ = now;
    const bool unknown = !queue->silence.empty() && now - in_queue_at_ < kQueueSilenceNs;
    if (running + waiting == 0 && !unknown) {
      ask_queue_at_ = 0;
      return false;
    }
    if (running + waiting > 0) progress_.set_waiting(job_.manifest.workers * waiting / (running + waiting));
    if (running == 0 && waiting > 0 && !std::exchange(told_of_queue_, true)) {
      progress_.clear();
      session_.say("its workers wait in the queue of " + queue->backend + (reason.empty() ? "" : " (" + reason + ")"));
    }
    return true;
  }

  [[noreturn]] void throw_unfinished(const std::string& what) {
    const auto damage = stream_.damage();
    if (!damage.empty()) {
      throw base::Error(base::ExitCode::kDamaged, what + ": " + done_of_all() + " are done; damaged: " + damage[0],
                        "jobhost resume " + job_.called);
    }
    if (own_failure_) throw *own_failure_;
    const auto refusals = host::refusals_of(session_.env, job_);
    if (!refusals.empty()) throw base::Error(host::code_of(refusals), what, host::in_words(refusals));
    const std::string last = last_words();
    const bool said_nothing = last.empty() && workers_ && !workers_->local();
    throw base::Error(base::ExitCode::kBackendFailed, what + last,
                      !said_nothing ? ""
                      : status_.taken_out || watch_.anyone_came()
                          ? "their time limit was reached, or somebody cancelled them in the queue: resume "
                            "takes other options, as --slurm time=…; --auto-resubmit queues them again"
                          : "they left no word: can their nodes read and write '" + job_.directory.path() + "'?");
  }

  /// Why the last worker ended, where it said so.
  std::string last_words() const {
    const std::string path = job_.directory.printed() + "/worker";
    const auto printed = base::open_beneath_if_exists(session_.env, job_.directory.path(), path, O_RDONLY);
    if (!printed) return "";
    base::Bytes bytes(4096);
    bytes.resize(printed->read_at(printed->size() - std::min<std::uint64_t>(printed->size(), bytes.size()), bytes));
    const std::string text = "\n" + std::string(base::as_text(bytes)), mark = "\nerror: ";
    const std::size_t at = text.rfind(mark);
    if (at == std::string::npos) return "";
    const std::string reason = text.substr(at + mark.size());
    return "; the last one ended: " + reason.substr(0, reason.find('\n'));
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
      session_.say("gave up: " + count_of(stream_.failed(), "task") + " failed; see jobhost errors " + job_.called);
    session_.say((is_cancelled && requests_seen_ == 0 ? "cancelled: "
                  : gave_up_                          ? ""
                                                      : "interrupted: ") +
                 done_of_all() + " are done and kept");
    if (left_alone_) {
      session_.say("its workers go on; follow them with: jobhost attach " + job_.called);
    } else if (options_.rows && (workers_ || is_cancelled)) {
      session_.say("go on with: jobhost resume " + job_.called);
    } else if (options_.rows) {
      session_.say("the job goes on; follow it with: jobhost attach " + job_.called +
                   "   stop it with: jobhost cancel " + job_.called);
    }
    if (gave_up_ && Signals::requests.load() == 0) return static_cast<int>(base::ExitCode::kTasksFailed);
    return Signals::requests.load() > 0 ? Signals::exit_code() : static_cast<int>(base::ExitCode::kInterrupted);
  }

  /// Lets workers write DONE and end; their results are all here already.
  void say_farewell() {
    if (!workers_) return;
    const std::uint64_t begin = session_.env.monotonic_ns();
    while (!left_to_others_ && workers_running()) {
      const std::uint64_t waited = session_.env.monotonic_ns() - begin;
      if (waited > kFarewellNs || Signals::requests.load() > requests_seen_) workers_->stop(true);
      workers_->bell().wait(workers_->bell().count(), 2'000'000);
    }
    if (!left_to_others_) workers_->throw_complaint();
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
  bool left_alone_ = false;      // workers, by a terminal that was closed
  bool left_to_others_ = false;  // own workers cannot run it, because of
  std::optional<base::Error> own_failure_;
  bool told_ = false;  // of both
  backend::Status status_;
  host::PollPause pause_;
  int requests_seen_ = 0;
  std::uint64_t ask_queue_at_ = 0, in_queue_at_ = session_.env.monotonic_ns();  // monotonic
  bool told_of_queue_ = false;
};

}  // namespace

int follow(Session& session, const host::Job& job, const FollowOptions& options,
           std::unique_ptr<host::HeadStart> ahead) {
  return Follower(session, job, options, std::move(ahead)).run();
}

}  // namespace jobhost::cli
