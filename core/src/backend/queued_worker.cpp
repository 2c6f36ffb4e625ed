#include "backend/queued_worker.hpp"

#include <algorithm>
#include <cstdlib>

#include "backend/worker_words.hpp"
#include "store/job_directory.hpp"

namespace jobhost::backend {
namespace {

constexpr unsigned kManyWorkers = 32;     // from which on they do not all begin at once
constexpr unsigned kJitterPerWorker = 5;  // ms
constexpr unsigned kMostJitter = 10'000;  // ms

}  // namespace

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
  return line + ">>" + shell_word(store::JobDirectory(command.job_directory).printed() + "/worker") + " 2>&1";
}

}  // namespace jobhost::backend
