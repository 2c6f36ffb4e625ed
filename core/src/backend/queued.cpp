#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "backend/option_names.hpp"
#include "backend/queue.hpp"
#include "backend/queued_worker.hpp"
#include "base/beneath.hpp"
#include "base/program.hpp"
#include "store/queue_record.hpp"
#include "store/refusals.hpp"

namespace jobhost::backend {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kAnswerNs = 60 * kSecond;      // for an answer: clients wait long for a system that is down
constexpr std::uint64_t kQuickAnswerNs = 5 * kSecond;  // for people who only look
constexpr std::uint64_t kSubmitNs = 30 * kSecond;
constexpr std::uint64_t kWithdrawNs = 20 * kSecond;
constexpr std::uint64_t kPeriodNs = 3 * kSecond;       // between two questions
constexpr std::uint64_t kEndingPeriodNs = kSecond;     // while workers are to end
constexpr std::uint64_t kFullPeriodNs = 60 * kSecond;  // between two attempts where the system takes no more
constexpr std::uint64_t kUsualWaitNs = 5 * kSecond;    // for workers to start, of which nothing is said
constexpr std::uint64_t kSilenceNs = 30 * kSecond;     // of the system, until that is said
constexpr std::uint64_t kGraceNs = 10 * kSecond;       // for what the last worker wrote to be seen here
constexpr unsigned kSubmissionsWithoutProgress = 5;

std::string number(unsigned count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

/// How workers ended that the system has forgotten.
QueueAnswer recorded(base::Env& env, const Queue& queue, std::uint64_t limit_ns) {
  for (const auto& command : queue.records()) {
    const auto end = base::run_program(env, command, limit_ns);
    if (!end.succeeded()) continue;
    QueueAnswer answer = queue.recorded(end.printed);
    if (!answer.ended.empty()) return answer;
  }
  return {};
}

class Queued : public Backend {
 public:
  Queued(base::Env& env, Choice choice) : env_(env), choice_(std::move(choice)) {}

  std::string name() const override { return choice_.name; }

  std::string plan(const WorkerCommand& command, unsigned lanes) override {
    const auto queue = make_queue(env_, choice_, command.job_directory);
    const unsigned workers = workers_for(*queue, lanes), most = queue->most_at_once();
    std::string text = queue->script(command, std::min(workers, most));
    for (unsigned left = workers - std::min(workers, most); left > 0; left -= std::min(left, most)) {
      text += "# and once more for " + number(std::min(left, most), "worker") + "\n";
    }
    return text;
  }

  void prepare(const WorkerCommand&, unsigned) override {}

  void start(const WorkerCommand& command, unsigned lanes) override {
    command_ = command;
    queue_ = make_queue(env_, choice_, command.job_directory);
    wanted_ = workers_for(*queue_, lanes);
    const store::JobDirectory job = directory();
    base::open_beneath(env_, job.path(), job.printed() + "/worker", O_WRONLY | O_CREAT | O_APPEND);
    const auto earlier = store::read_queue_record(env_, job);
    record_ = {choice_.name, choice_.options, {}};
    if (earlier && earlier->backend == choice_.name && earlier->options == choice_.options) {
      record_.ids = earlier->ids;
      const auto end = base::run_program(env_, queue_->question(record_.ids), kAnswerNs);
      if (!end.succeeded()) throw silence(end.why());
      answer_ = queue_->answer(end.printed);
      replaced_ = failed();
      blind_ = answer_.blind;
    } else if (earlier) {
      withdraw(env_, job.path(), true);
    }
    store::write_queue_record(env_, job, record_);
    const unsigned there = active();
    if (there < wanted_) submit(wanted_ - there);
    if (active() > 0) return;
    throw base::Error(base::ExitCode::kBackendFailed, queue_->name() + " takes no worker now: " + full_,
                      "try again later, or see what its limits are");
  }

  Status look(std::uint64_t progress) override {
    if (over_) return status();
    if (directory().is_done(env_)) {
      over_ = true;  // whoever waits would find nothing to do
      take_out(false);
      return status();
    }
    const std::uint64_t now = env_.monotonic_ns();
    if (progress != progress_) {
      restarts_in_vain_ = 0;
      if (progress_ == 0 && answer_.running == 0) last_question_ns_ = 0;  // somebody began since it was asked last
    }
    if (progress != progress_ || active() > 0 || last_sign_ns_ == 0) last_sign_ns_ = now;
    progress_ = progress;
    ask(now);
    if (stopping_ && is_fresh_ && answer_.running == 0 && answer_.waiting > 0) {
      is_fresh_ = false;
      take_out(false);
    }
    if (missing_ > 0 && !stopping_ && now - last_submission_ns_ >= kFullPeriodNs) submit(missing_);
    if (active() == 0 && (stopping_ || now - last_sign_ns_ >= kGraceNs)) {
      base::run_program(env_, queue_->withdrawal(record_.ids, false), kWithdrawNs);  // what the system holds for good
      if (!stopping_ && answer_.ended.empty()) {
        answer_ = recorded(env_, *queue_, kSubmitNs);
        refuse_for_blind();
      }
      over_ = stopping_ || !submit_again();
    }
    return status();
  }

  void stop(bool now) override {
    stopping_ = true;
    const store::JobDirectory job = directory();
    base::write_file_atomically(env_, job.cancel(), {}, false);
    if (now) base::write_file_atomically(env_, job.cancel_now(), {}, false);
    missing_ = 0;
    take_out(!now);
    last_question_ns_ = 0;
    is_fresh_ = false;
    if (now) over_ = true;
  }

  bool go_on_alone() const override { return true; }

 private:
  static unsigned workers_for(const Queue& queue, unsigned lanes) {
    return (lanes + queue.lanes_per_worker() - 1) / queue.lanes_per_worker();
  }

  store::JobDirectory directory() const { return store::JobDirectory(command_.job_directory); }
  unsigned active() const { return answer_.running + answer_.waiting; }

  base::Error silence(const std::string& why) const {
    return base::Error(base::ExitCode::kBackendFailed, queue_->name() + " does not answer: " + why);
  }

  /// As many as it takes; the others are missing until it takes them.
  void submit(unsigned workers) {
    last_submission_ns_ = env_.monotonic_ns();
    full_.clear();
    missing_ = workers;
    const store::JobDirectory job = directory();
    for (unsigned at_once = queue_->most_at_once(); missing_ > 0;) {
      const unsigned count = std::min(missing_, at_once);
      base::write_file_atomically(env_, job.queue_script(), base::as_bytes(queue_->script(command_, count)), false,
                                  0700);
      const auto end = base::run_program(env_, queue_->submission(job.queue_script(), count), kSubmitNs);
      if (end.succeeded()) {
        missing_ -= count;
        answer_.waiting += count;
        const std::string id = queue_->id_of(end.printed);
        if (id.empty()) continue;
        record_.ids.push_back(id);
        store::write_queue_record(env_, job, record_);
      } else if (end.took_too_long || queue_->is_full(end.complaints)) {
        full_ = end.why();
        if (count == 1 || end.took_too_long) return;
        at_once = count / 2;
      } else {
        throw base::Error(base::ExitCode::kBackendFailed, queue_->name() + " refused the job: " + end.why(),
                          meant_option(choice_.name, choice_.options, end.complaints) + "what was submitted is in '" +
                              job.queue_script() + "'; resume takes other options, -b and all of its own");
      }
    }
  }

  /// Whether workers that are gone were submitted again.
  bool submit_again() {
    unsigned accidents = 0, ended = 0;
    for (const auto& [how, count] : answer_.ended) {
      ended += count;
      if (queue_->was_accident(how)) accidents += count;
    }
    if (!choice_.auto_resubmit || (accidents == 0 && ended > 0)) return false;
    if (++restarts_in_vain_ > kSubmissionsWithoutProgress) return false;
    restarts_ += wanted_;
    submit(wanted_);
    last_sign_ns_ = env_.monotonic_ns();
    return active() > 0;
  }

  /// Workers that ended with a code other than 0, as far as the system still knows.
  unsigned failed() const {
    unsigned failed = 0;
    for (const auto& [how, count] : answer_.ended) failed += queue_->has_failed(how) ? count : 0;
    return failed;
  }

  /// Workers that did not see the job's directory could not say so in it.
  void refuse_for_blind() {
    for (const auto& [worker, node] : answer_.blind) {
      if (!blind_.emplace(worker, node).second) continue;
      store::add_refusal_of_node(env_, directory(), node, static_cast<int>(base::ExitCode::kBackendFailed),
                                 unseen_sentence(command_.job_directory));
    }
  }

  /// A node that refuses is free again at once, and would be given one worker after another. Those that it cost the job
  /// are submitted again, to run elsewhere: each of such nodes can have cost each worker once.
  void replace_refused() {
    if (stopping_ || nowhere_else_ || failed() <= replaced_) return;
    for (const auto& refusal : store::read_refusals(env_, directory())) {
      const std::string& node = refusal.node.empty() ? refusal.hostname : refusal.node;
      if (refusing_.insert(node).second && queue_->avoid(node)) {
        replaceable_ += wanted_;
        refused_ = node + " takes no task: " + refusal.reason;
      }
    }
    const unsigned there = active() + missing_, lost = wanted_ - std::min(wanted_, there);
    const unsigned again = std::min({lost, failed() - replaced_, replaceable_});
    replaced_ = failed();
    if (again == 0) return;
    try {
      submit(missing_ + again);
      restarts_ += again;
      replaceable_ -= again;
    } catch (const base::Error&) {  // no node is left
      nowhere_else_ = true;
      missing_ = 0;
    }
  }

  /// One question at a time, and never more often than is polite.
  void ask(std::uint64_t now) {
    if (!question_) {
      if (last_question_ns_ != 0 && now - last_question_ns_ < (stopping_ ? kEndingPeriodNs : kPeriodNs)) return;
      last_question_ns_ = now;
      question_.emplace(env_, queue_->question(record_.ids), kAnswerNs);
    }
    const auto& end = question_->look();
    if (!end) return;
    if (end->succeeded()) {
      // What was submitted after the question was asked is not in the answer.
      if (last_submission_ns_ <= last_question_ns_) {
        answer_ = queue_->answer(end->printed);
        is_fresh_ = true;
        stopping_ = stopping_ || directory().is_cancelled(env_);  // from elsewhere
        refuse_for_blind();
        replace_refused();
      }
      silent_since_ns_ = 0;
    } else {
      if (silent_since_ns_ == 0) silent_since_ns_ = now;
      silent_why_ = end->why();
    }
    question_.reset();
  }

  void take_out(bool waiting_only) {
    const auto end = base::run_program(env_, queue_->withdrawal(record_.ids, waiting_only), kWithdrawNs);
    if (!end.succeeded()) note_ = "workers may be left in the queue: " + end.why() + "; they end by themselves";
  }

  Status status() const {
    Status status{over_ ? 0 : std::max(1u, active()), restarts_, 0, answer_.waiting * queue_->lanes_per_worker(),
                  note_};
    if (!status.note.empty()) return status;
    if (over_ && !stopping_ && !answer_.ended.empty()) {
      status.taken_out = true;
      for (const auto& [how, count] : answer_.ended) {
        status.taken_out = status.taken_out && !queue_->has_failed(how);
        status.note += (status.note.empty() ? "" : ", ") + std::to_string(count) + " " + how;
      }
      status.note = queue_->name() + " says of the workers: " + status.note;
    } else if (silent_since_ns_ != 0 && last_question_ns_ >= silent_since_ns_ + kSilenceNs) {
      status.note = silence(silent_why_).what();
    } else if (missing_ > 0) {
      status.note = queue_->name() + " takes " + std::to_string(wanted_ - missing_) + " of " +
                    number(wanted_, "worker") + " now: " + full_;
    } else if (answer_.waiting > 0 && answer_.running == 0 && !stopping_ && silent_since_ns_ == 0 &&
               last_question_ns_ > last_submission_ns_ + kUsualWaitNs) {
      status.note = number(answer_.waiting, "worker") + (answer_.waiting == 1 ? " waits" : " wait") + " for " +
                    queue_->name() + (answer_.reason.empty() ? "" : " (" + answer_.reason + ")");
    } else if (!over_) {
      status.note = refused_;
    }
    return status;
  }

  base::Env& env_;
  Choice choice_;
  std::unique_ptr<Queue> queue_;
  WorkerCommand command_;
  store::QueueRecord record_;
  unsigned wanted_ = 0, missing_ = 0;  // workers; those that it did not take yet
  std::string full_;                   // why
  QueueAnswer answer_;
  std::optional<base::ProgramRun> question_;
  std::uint64_t last_question_ns_ = 0, last_submission_ns_ = 0, last_sign_ns_ = 0, silent_since_ns_ = 0;
  std::string silent_why_, note_;
  bool stopping_ = false;
  bool is_fresh_ = false;  // the answer was given since
  bool over_ = false;      // no worker will do more
  std::uint64_t progress_ = 0;
  unsigned restarts_ = 0, restarts_in_vain_ = 0;
  unsigned replaced_ = 0;                     // of the workers that failed
  std::map<std::string, std::string> blind_;  // of them: those that were refused for
  std::set<std::string> refusing_;            // nodes
  unsigned replaceable_ = 0;                  // workers, for what those nodes may have cost
  bool nowhere_else_ = false;                 // the system has no other node
  std::string refused_;                       // what the last of them said
};

}  // namespace

std::unique_ptr<Backend> make_queued(base::Env& env, const Choice& choice) {
  return std::make_unique<Queued>(env, choice);
}

std::optional<QueueState> ask_queue(base::Env& env, const std::string& job_directory) {
  const auto record = store::read_queue_record(env, store::JobDirectory(job_directory));
  if (!record) return std::nullopt;
  QueueState state{record->backend, {}};
  try {
    const auto queue = make_queue(env, {record->backend, record->options}, job_directory);
    if (!queue) return std::nullopt;
    const auto end = base::run_program(env, queue->question(record->ids), kQuickAnswerNs);
    if (end.succeeded()) {
      state.answer = queue->answer(end.printed);
      const auto& [running, waiting, reason, ended, blind] = state.answer;
      if (running + waiting == 0 && ended.empty()) state.answer = recorded(env, *queue, kQuickAnswerNs);
    } else {
      state.silence = end.why();
    }
  } catch (const base::Error& error) {
    state.silence = error.what();
  }
  return state;
}

std::string withdraw(base::Env& env, const std::string& job_directory, bool running) {
  try {
    const auto record = store::read_queue_record(env, store::JobDirectory(job_directory));
    if (!record) return "";
    const auto queue = make_queue(env, {record->backend, record->options}, job_directory);
    if (!queue) return "";
    const auto end = base::run_program(env, queue->withdrawal(record->ids, !running), kWithdrawNs);
    return end.succeeded() ? "" : queue->name() + ": " + end.why();
  } catch (const base::Error& error) {
    return error.what();
  }
}

}  // namespace jobhost::backend
