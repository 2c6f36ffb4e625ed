#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>

#include "base/error.hpp"
#include "base/trust.hpp"
#include "base/utf8.hpp"
#include "cli/job_names.hpp"
#include "cli/one_line.hpp"
#include "cli/progress.hpp"
#include "cli/session.hpp"
#include "cli/signals.hpp"
#include "cli/task_words.hpp"
#include "host/nodes.hpp"
#include "report/failure_groups.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kRedrawNs = 500'000'000, kLookNs = 100'000'000;
constexpr std::size_t kResults = 5, kGroups = 5, kNodes = 8;

/// At most so many columns of the terminal, of which each sign is taken to need one.
std::string cut(const std::string& line, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t column = 0; at < line.size(); ++column) {
    if (column == columns) return line.substr(0, at);
    at += std::max<std::size_t>(base::utf8_length(std::string_view(line).substr(at)), 1);
  }
  return line;
}

/// Reads along and draws: on a terminal the same lines anew, elsewhere one line now and then.
class Watch {
 public:
  Watch(Session& session, const host::Job& job)
      : session_(session),
        job_(job),
        stream_(session.env, job),
        progress_(session, job.called, job.manifest.tasks, job.manifest.workers),
        words_(session.env, job),
        explainer_(session.env, job),
        terminal_(::isatty(1) == 1) {}

  void run() {
    try {
      watch();
    } catch (const base::Error&) {
      throw_if_gone(session_.env, job_);
      throw;
    }
  }

 private:
  void watch() {
    std::string state;
    for (std::uint64_t drawn = 0;;) {
      const bool asked = Signals::requests.load() > 0;
      pump();
      const std::uint64_t now = session_.env.monotonic_ns();
      if (drawn == 0 || now - drawn >= kRedrawNs || asked || stream_.finished()) {
        throw_if_gone(session_.env, job_);
        state = state_of(session_.env, job_);
        const bool over = !goes_on(state);
        if (over) {
          stream_.read_all();  // what they wrote last
          pump();
          state = state_of(session_.env, job_, stream_);
        }
        terminal_ ? draw(state) : progress_.update(stream_);
        drawn = now;
        if (asked || over) break;
      }
      session_.env.sleep_ns(kLookNs);
    }
    if (!terminal_) std::printf("%s: %s\n", state.c_str(), tally(stream_, job_.manifest.tasks).c_str());
    const bool asked = Signals::requests.load() > 0 && goes_on(state);
    session_.exit_code = asked ? Signals::exit_code() : stream_.failed() > 0 ? 1 : 0;
    if (!asked) say_damage(session_, job_, stream_.damage());
  }

  /// Workers may still come, from a queue for instance.
  static bool goes_on(const std::string& state) { return works(state) || state == "not begun"; }

  void pump() {
    stream_.poll();
    while (const host::Block* block = stream_.next_available()) {
      if (block->failed) {
        const auto failure = explainer_.explain(block->failure, block->modules);
        groups_.add(block->first, failure);
        if (!terminal_) progress_.failed(failure, block->first, words_.inputs_of(block->first));
      } else if (terminal_) {
        remember(*block);
      }
    }
  }

  /// The last of each batch.
  void remember(const host::Block& block) {
    std::string result;
    schema::append_brief(job_.manifest.kernel.result, bundle::value_at(block.results, block.count - 1), result);
    const std::uint64_t task = block.first + block.count - 1;
    last_.push_back({task, result});
    if (last_.size() > kResults) last_.pop_front();
  }

  void draw(const std::string& state) {
    const auto& manifest = job_.manifest;
    std::vector<std::string> lines = {manifest.job + "  " + manifest.kernel.name + "  " + state + " on " +
                                          manifest.backend + (manifest.label.empty() ? "" : "  " + manifest.label),
                                      goes_on(state) ? progress_.line(stream_) : tally(stream_, manifest.tasks)};
    const auto nodes = host::nodes_of(session_.env, job_, stream_);
    for (std::size_t i = 0; i < std::min(nodes.size(), kNodes); ++i) {
      const auto rate = nodes[i].tasks_per_second();
      lines.push_back(fmt::format("  {}: {}, {}{}", nodes[i].hostname,
                                  count_of(nodes[i].workers_in(host::WorkerState::kRunning), "worker"),
                                  count_of(nodes[i].tasks(), "task"), rate ? fmt::format(", {:.4g}/s", *rate) : ""));
    }
    if (nodes.size() > kNodes) lines.push_back("  and " + count_of(nodes.size() - kNodes, "more machine"));
    const auto order = groups_.largest_first();
    for (std::size_t i = 0; i < std::min(order.size(), kGroups); ++i) {
      const auto& group = groups_.groups()[order[i]];
      lines.push_back(fmt::format("{} x {}{}{}", group.count, report::headline(group),
                                  group.first.where.empty() ? "" : "   ", group.first.where));
    }
    if (order.size() > kGroups) lines.push_back("and more: jobhost errors " + job_.called);
    for (const auto& [task, result] : last_) {
      lines.push_back(fmt::format("  #{}  {}  ->  {}", task, words_.inputs_of(task), result));
    }
    print(lines);
  }

  void print(const std::vector<std::string>& lines) {
    winsize size{};
    const bool known = ::ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 1;
    const std::size_t columns = known ? size.ws_col : 80, rows = known ? size.ws_row - 1u : 23;
    std::string text = drawn_lines_ > 0 ? fmt::format("\033[{}A\r\033[J", drawn_lines_) : "";
    drawn_lines_ = std::min(lines.size(), rows);
    for (std::size_t i = 0; i < drawn_lines_; ++i) text += cut(one_line(lines[i]), columns) + "\n";
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  struct Result {
    std::uint64_t task;
    std::string text;
  };

  Session& session_;
  const host::Job& job_;
  host::ResultStream stream_;
  Progress progress_;
  TaskWords words_;
  host::Explainer explainer_;
  report::FailureGroups groups_;
  std::deque<Result> last_;
  bool terminal_;
  std::size_t drawn_lines_ = 0;
};

}  // namespace

void add_watch_command(CLI::App& app, Session& session) {
  auto job = std::make_shared<std::string>("@last");
  auto* command = app.add_subcommand("watch", "Progress, machines, failures and last results, as a job runs");
  add_job_option(*command, *job);
  command->callback([&session, job] {
    Signals::install();
    const host::Job opened = open_job(session, *job);
    Watch(session, opened).run();
  });
  command->footer("Only looks: ending it leaves the job alone. The same in a browser: jobhost dashboard");
}

}  // namespace jobhost::cli
