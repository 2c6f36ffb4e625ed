#include "cli/queue_words.hpp"

#include <nlohmann/json.hpp>

namespace jobhost::cli {

using Json = nlohmann::ordered_json;

std::optional<backend::QueueState> queue_of(base::Env& env, const host::Job& job, const std::string& state) {
  if (state == "done") return std::nullopt;
  return backend::ask_queue(env, job.directory.path());
}

std::string queue_in_words(const backend::QueueState& queue) {
  if (!queue.silence.empty()) return queue.backend + ": " + queue.silence;
  const auto& [running, waiting, reason, ended, blind] = queue.answer;
  std::string text = queue.backend + ": " + std::to_string(running) + " run, " + std::to_string(waiting) + " wait";
  if (!reason.empty()) text += " (" + reason + ")";
  for (const auto& [how, count] : ended) text += ", " + std::to_string(count) + " " + how;
  const auto nodes = queue.answer.blind_nodes();
  for (const auto& node : nodes)
    text += (node == *nodes.begin() ? "; the job's directory is not to be seen on " : ", ") + node;
  return text;
}

Json to_json(const backend::QueueState& queue) {
  if (!queue.silence.empty()) return {{"backend", queue.backend}, {"error", queue.silence}};
  return {{"backend", queue.backend},        {"running", queue.answer.running},
          {"waiting", queue.answer.waiting}, {"reason", queue.answer.reason},
          {"ended", queue.answer.ended},     {"blind_nodes", queue.answer.blind_nodes()}};
}

}  // namespace jobhost::cli
