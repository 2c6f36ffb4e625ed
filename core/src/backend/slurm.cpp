#include "backend/slurm.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "backend/queued_worker.hpp"
#include "backend/worker_words.hpp"
#include "base/program.hpp"
#include "store/job_directory.hpp"

namespace jobhost::backend {
namespace {

constexpr std::uint64_t kAnswerNs = 20'000'000'000;
constexpr unsigned kMostPerArray = 1'000'000;
/// Slurm holds what it had to start too often; a person would have to release it.
const std::set<std::string> kHeldForGood = {"JobHoldMaxRequeue", "launch failed requeued held"};
/// Why workers wait that no end of other jobs will let start.
const std::set<std::string> kNever = {"BadConstraints",  "InvalidAccount",     "InvalidQOS",
                                      "PartitionConfig", "PartitionNodeLimit", "PartitionTimeLimit"};
/// Options of sbatch that jobhost sets, or that it cannot go with.
const std::set<std::string> kOurs = {"array",    "job-name", "output", "error",     "input",       "export",
                                     "parsable", "wrap",     "ntasks", "test-only", "chdir",       "wait",
                                     "nodes",    "uid",      "gid",    "open-mode", "export-file", "get-user-env"};
/// Those that it has to know of.
const std::set<std::string> kUnderstood = {"cluster", "clusters",   "cpus-per-task", "exclude",
                                           "requeue", "no-requeue", "signal"};
constexpr const char* kRecord = "--format=JobName,State,ExitCode,NodeList,JobID";
constexpr const char* kWarning = "B:USR1@30";  // Slurm may send it up to 30 s earlier than that
constexpr const char* kHint = "is this a login node of a cluster? jobhost doctor says what is here";

/// Lines of fields between bars.
std::vector<std::vector<std::string>> rows_of(const std::string& printed) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t begin = 0; begin < printed.size();) {
    const std::size_t end = std::min(printed.find('\n', begin), printed.size());
    auto& fields = rows.emplace_back();
    while (begin <= end) {
      const std::size_t bar = std::min(printed.find('|', begin), end);
      fields.push_back(printed.substr(begin, bar - begin));
      begin = bar + 1;
    }
  }
  return rows;
}

class Slurm : public Queue {
 public:
  Slurm(base::Env& env, const Choice& choice, const std::string& job_directory)
      : env_(env), job_(queue_name(job_directory)), again_(choice.auto_resubmit) {
    for (const auto& option : choice.options) take(option);
  }

  std::string name() const override { return "slurm"; }
  unsigned lanes_per_worker() const override { return lanes_; }

  unsigned most_at_once() override {
    if (most_ > 0) return most_;
    const auto end = base::run_program(env_, {client("scontrol"), "show", "config"}, kAnswerNs);
    if (!end.succeeded()) {
      throw base::Error(base::ExitCode::kBackendFailed, "slurm does not answer: " + end.why(), kHint);
    }
    most_ = 1;
    const std::string key = "\nMaxArraySize";
    const std::size_t at = end.printed.find(key), number = end.printed.find_first_of("0123456789", at + key.size());
    if (at != std::string::npos && number != std::string::npos) {
      std::from_chars(end.printed.data() + number, end.printed.data() + end.printed.size(), most_);
    }
    return most_ = std::clamp(most_, 1u, kMostPerArray);
  }

  std::string script(const WorkerCommand& command, unsigned workers) const override {
    const store::JobDirectory job(command.job_directory);
    std::string text = "#!/bin/sh\n";
    const auto directive = [&](const std::string& option) { text += "#SBATCH --" + directive_word(option) + "\n"; };
    directive("job-name=" + job_);
    directive("array=0-" + std::to_string(workers - 1));
    directive("ntasks=1");
    directive("output=/dev/null");
    directive("export=ALL");
    if (!given_.contains("signal")) directive(std::string("signal=") + kWarning);
    if (!given_.contains("requeue") && !given_.contains("no-requeue")) directive("requeue");
    for (const auto& option : options_) directive(option);
    if (!avoided_.empty()) directive("exclude=" + avoided_);
    text += environment_lines() + checks_before_worker(command, "\n") + "\n";
    // Before its time limit and when it is cancelled the worker is asked to end; this shell lives on until it did.
    text += "limit=\ntrap : TERM INT\ntrap 'limit=1; kill -TERM \"$worker\"' USR1\n";
    text += queued_worker_line(command, lanes_, workers) + " &\nworker=$!\n";
    text += "while :; do\n  wait \"$worker\"\n  code=$?\n  kill -0 \"$worker\" 2>/dev/null || break\ndone\n";
    if (again_) {
      text += "if [ \"$limit\" ] && ! [ -e " + shell_word(job.done()) + " ] && ! [ -e " + shell_word(job.cancel()) +
              " ]; then\n  " + shell_word(client("scontrol")) + " requeue \"$SLURM_JOB_ID\"\nfi\n";
    }
    return text + "exit $code\n";
  }

  /// Of the environment only what the script sets, too, and what is for sbatch, to which it means more than the script
  /// does. Any other way to leave out the rest has Slurm run the user's login shell on each node, which takes as long
  /// as that pleases, several at a time.
  std::vector<std::string> submission(const std::string& file, unsigned) const override {
    std::vector<std::string> words = {base::find_program("env"), "-i"};
    for (char** entry = environ; *entry; ++entry) {
      const std::string variable = *entry, name = variable.substr(0, variable.find('='));
      if ((name.starts_with("SBATCH_") && is_default(name)) || name.starts_with("SLURM_") ||
          std::find(kPassedOn.begin(), kPassedOn.end(), name) != kPassedOn.end()) {
        words.push_back(variable);
      }
    }
    words.insert(words.end(), {client("sbatch"), "--parsable", file});
    return words;
  }

  std::string id_of(const std::string&) const override { return ""; }

  bool is_full(const std::string& complaints) const override {
    for (const char* sign : {"temporarily unable to accept job", "submit limit", "accounting/QOS policy", "QOSMax",
                             "AssocMax", "AssocGrp", "QOSGrp"}) {
      if (complaints.find(sign) != std::string::npos) return true;
    }
    return false;
  }

  std::vector<std::string> question(const std::vector<std::string>&) const override {
    return asking_of_job({client("squeue"), "--noheader", "--array", "--states=all",
                          "--Format=State:|,Reason:|,exit_code:|,NodeList:|,JobArrayID:|"});
  }

  QueueAnswer answer(const std::string& printed) const override {
    static const std::set<std::string> kWaiting = {"PENDING",     "REQUEUED",     "REQUEUE_HOLD",
                                                   "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"};
    static const std::set<std::string> kRunning = {"RUNNING",   "CONFIGURING", "SUSPENDED", "STOPPED",
                                                   "SIGNALING", "RESIZING",    "STAGE_OUT"};
    QueueAnswer answer;
    std::map<std::string, unsigned> reasons;
    for (const auto& fields : rows_of(printed)) {
      if (fields.size() < 5) continue;
      const auto& [state, reason] = std::tie(fields[0], fields[1]);
      if (kWaiting.contains(state) && kHeldForGood.contains(reason)) {
        ++answer.ended[reason];
      } else if (kWaiting.contains(state)) {
        ++answer.waiting;
        ++reasons[reason];
      } else if (kRunning.contains(state)) {
        ++answer.running;
      } else if (state != "COMPLETING") {
        ++answer.ended[state];
        if (fields[2] == std::to_string(kUnseen << 8)) answer.blind[fields[4]] = fields[3];  // as wait() tells it
      }
    }
    const auto most = std::max_element(reasons.begin(), reasons.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != reasons.end() && most->first != "None") {
      answer.reason = most->first;
      if (kNever.contains(most->first)) answer.reason += ": there is nothing that could ever give what they ask for";
    }
    return answer;
  }

  /// Of accounting, and of the file that some clusters have instead.
  std::vector<std::vector<std::string>> records() const override {
    const std::string sacct = base::program_path("sacct");
    if (sacct.empty()) return {};
    std::vector<std::string> accounting = {
        sacct, "--noheader", "--parsable2", "--allocations", "--array", "--starttime=now-30days", kRecord};
    return {asking_of_job(std::move(accounting)), {sacct, "--completion", "--noheader", "--parsable2", kRecord}};
  }

  QueueAnswer recorded(const std::string& printed) const override {
    QueueAnswer answer;
    for (const auto& fields : rows_of(printed)) {
      if (fields.size() < 5 || fields[0] != job_) continue;
      const std::string state = fields[1].substr(0, fields[1].find(' '));  // "CANCELLED by 1000"
      if (state == "PENDING" || state == "RUNNING" || state == "REQUEUED") continue;
      ++answer.ended[state];
      if (fields[2] == std::to_string(kUnseen) + ":0") answer.blind[fields[4]] = fields[3];
    }
    return answer;
  }

  std::vector<std::string> withdrawal(const std::vector<std::string>&, bool waiting_only) const override {
    std::vector<std::string> words = {client("scancel"), "--quiet"};
    if (waiting_only) words.emplace_back("--state=PENDING");
    return asking_of_job(std::move(words));
  }

  bool was_accident(const std::string& how_it_ended) const override {
    static const std::set<std::string> kAccidents = {"TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "REVOKED"};
    return kAccidents.contains(how_it_ended) || kHeldForGood.contains(how_it_ended);
  }

  bool has_failed(const std::string& how_it_ended) const override { return how_it_ended == "FAILED"; }

  bool avoid(const std::string& node) override {
    for (const char letter : node) {
      if (std::isalnum(static_cast<unsigned char>(letter)) == 0 && letter != '-' && letter != '_' && letter != '.') {
        return false;
      }
    }
    avoided_ += (avoided_.empty() ? "" : ",") + node;
    return true;
  }

 private:
  static std::string client(const std::string& program) {
    return base::find_program(program, "Slurm is not installed here, or not in PATH; " + std::string(kHint));
  }

  /// With this job's workers alone, and all of them, whatever the user likes to see usually.
  std::vector<std::string> asking_of_job(std::vector<std::string> command) const {
    std::vector<std::string> words = {base::find_program("env")};
    for (char** entry = environ; *entry; ++entry) {
      const std::string variable = *entry;
      if (!variable.starts_with("SQUEUE_") && !variable.starts_with("SCANCEL_")) continue;
      words.insert(words.end(), {"-u", variable.substr(0, variable.find('='))});
    }
    words.insert(words.end(), command.begin(), command.end());
    words.push_back("--name=" + job_);
    words.push_back("--user=" + std::to_string(::getuid()));
    if (!clusters_.empty()) words.push_back("--clusters=" + clusters_);
    return words;
  }

  /// As sbatch reads it in a script.
  static std::string directive_word(const std::string& option) {
    if (option.find_first_of(" \t\r\"'\\#") == std::string::npos) return option;
    std::string quoted = "\"";
    for (const char letter : option) quoted += (letter == '"' || letter == '\\' ? "\\" : "") + std::string(1, letter);
    return quoted + "\"";
  }

  /// Whether no option says, and jobhost need not know, what a variable of sbatch says.
  bool is_default(const std::string& variable) const {
    static const std::map<std::string, std::string> kIrregular = {
        {"array-inx", "array"}, {"timelimit", "time"}, {"mem-per-node", "mem"}};
    std::string key = variable.substr(std::string("SBATCH_").size());
    for (char& letter : key) letter = letter == '_' ? '-' : static_cast<char>(std::tolower(letter));
    if (const auto named = kIrregular.find(key); named != kIrregular.end()) key = named->second;
    return !kOurs.contains(key) && !kUnderstood.contains(key) && !given_.contains(key);
  }

  void take(const std::string& option) {
    const auto refuse = [&](const std::string& why) {
      return base::Error(base::ExitCode::kUsage, "--slurm " + option + ": " + why,
                         "write options of sbatch without their dashes, as in --slurm partition=short --slurm time=30");
    };
    const std::size_t equals = option.find('=');
    const std::string key = option.substr(0, equals);
    if (key.empty() || key.find_first_not_of("abcdefghijklmnopqrstuvwxyz-0123456789") != std::string::npos ||
        key[0] == '-') {
      throw refuse("that is no option of sbatch");
    }
    if (option.find('\n') != std::string::npos) throw refuse("an option is one line");
    if (kOurs.contains(key)) throw refuse("jobhost sets this itself");
    // sbatch would know it, but not as one of those that jobhost must know.
    for (const auto& known : {kOurs, kUnderstood}) {
      const auto next = known.upper_bound(key);
      if (!kUnderstood.contains(key) && next != known.end() && next->starts_with(key)) {
        throw refuse("write the option's name in full");
      }
    }
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    if (key == "cpus-per-task") {
      const auto read = std::from_chars(value.data(), value.data() + value.size(), lanes_);
      if (read.ec != std::errc() || read.ptr != value.data() + value.size() || lanes_ == 0 || lanes_ > 1024) {
        throw refuse("that is no number of processors");
      }
    }
    if (key == "clusters" || key == "cluster") clusters_ = value;
    given_.insert(key);
    if (key == "exclude") {  // there can be only one of them
      avoided_ = value;
      return;
    }
    options_.push_back(option);
  }

  base::Env& env_;
  std::string job_;
  bool again_;
  std::vector<std::string> options_;
  std::set<std::string> given_;  // their names
  std::string clusters_;
  std::string avoided_;  // nodes
  unsigned lanes_ = 1, most_ = 0;
};

}  // namespace

std::unique_ptr<Queue> make_slurm(base::Env& env, const Choice& choice, const std::string& job_directory) {
  return std::make_unique<Slurm>(env, choice, job_directory);
}

}  // namespace jobhost::backend
