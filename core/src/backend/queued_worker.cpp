#include "backend/queued_worker.hpp"

#include <algorithm>
#include <cstdlib>

#include "backend/worker_words.hpp"
#include "base/error.hpp"
#include "store/job_directory.hpp"
#include "store/refusals.hpp"

namespace jobhost::backend {
namespace {

constexpr unsigned kPatience = 120;       // s, for the job directory to be seen
constexpr unsigned kManyWorkers = 32;     // from which on they do not all begin at once
constexpr unsigned kJitterPerWorker = 5;  // ms
constexpr unsigned kMostJitter = 10'000;  // ms

std::string output_of_workers(const std::string& job_directory) {
  return store::JobDirectory(job_directory).printed() + "/worker";
}

}  // namespace

std::string unseen_sentence(const std::string& job_directory) {
  return "the job's directory '" + job_directory + "' is not to be seen there, and was waited for " +
         std::to_string(kPatience) + " s";
}

std::string checks_before_worker(const WorkerCommand& command, const std::string& between) {
  const store::JobDirectory job(command.job_directory);
  const std::string output = shell_word(output_of_workers(command.job_directory));
  const std::string commands[] = {
      "tries=0",
      "until [ -w " + output + " ] || [ \"$tries\" -ge " + std::to_string(kPatience) +
          " ]; do sleep 1; tries=$((tries + 1)); done",
      "[ -w " + output + " ] || exit " + std::to_string(kUnseen), "program=" + shell_word(command.program),
      // The text of a refusal: see store/refusals.
      "why=$(\"$program\" --version 2>&1) || { code=$?",
      "why=$(printf '%s' \"cannot run '$program': ${why##*\"$program: \"}\" | sed 1q | tr -d '\\000-\\037\\177\"\\\\')",
      "id=$(od -A n -N 16 -t x1 /dev/urandom | tr -d ' \\n')", "folder=$(printf '%.2s' \"$id\")",
      "owners=$(ls " + shell_word(job.host()) + " | grep -c '^owner\\.')", "umask 077",
      ": >" + shell_word(job.refusals()), "cd " + shell_word(job.workers()), "mkdir -p \"$folder\"",
      "printf '{\"hostname\":\"%s\",\"boot\":\"%s\",\"owners\":%s,\"code\":" +
          std::to_string(static_cast<int>(base::ExitCode::kBackendFailed)) + ",\"reason\":\"%s\",\"node\":\"%s\"" +
          std::string(store::kUnsealed) +
          "\\n' \"$(uname -n)\" \"$(cat /proc/sys/kernel/random/boot_id)\" "
          "\"$owners\" \"$why\" \"$SLURMD_NODENAME\" >\"$folder/$id.tmp\"",
      "mv \"$folder/$id.tmp\" \"$folder/$id.refused\"", "exit \"$code\"", "}"};
  std::string text;
  for (const auto& one : commands) text += (text.empty() ? "" : between) + one;
  return text;
}

std::string queue_name(const std::string& job_directory) {
  return "jobhost-" + job_directory.substr(job_directory.rfind('/') + 1);
}

std::string environment_lines() {
  std::string lines;
  for (const char* name : kPassedOn) {
    if (const char* value = std::getenv(name)) lines += std::string("export ") + name + "=" + shell_word(value) + "\n";
  }
  return lines;
}

std::string queued_worker_line(const WorkerCommand& command, unsigned lanes, unsigned workers) {
  auto words = worker_words(command, lanes, "processes");
  if (workers >= kManyWorkers) {
    words.insert(words.end(), {"--jitter", std::to_string(std::min(kMostJitter, workers * kJitterPerWorker))});
  }
  std::string line;
  for (const auto& word : words) line += shell_word(word) + " ";
  return line + ">>" + shell_word(output_of_workers(command.job_directory)) + " 2>&1";
}

}  // namespace jobhost::backend
