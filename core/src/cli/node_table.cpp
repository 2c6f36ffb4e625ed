#include "cli/node_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/trust.hpp"
#include "base/utc.hpp"
#include "cli/tables.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

const char* word_of(host::WorkerState state) {
  switch (state) {
    case host::WorkerState::kRunning:
      return "running";
    case host::WorkerState::kSilent:
      return "silent";
    case host::WorkerState::kEnded:
      return "ended";
  }
  return "";
}

/// "3 running, 1 ended"
std::string workers_in_words(const host::Node& node) {
  std::string text;
  for (const auto state : {host::WorkerState::kRunning, host::WorkerState::kSilent, host::WorkerState::kEnded}) {
    const std::uint64_t count = node.workers_in(state);
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + word_of(state);
  }
  return text;
}

/// Nothing of what is not known.
std::string rate_text(std::optional<double> rate) { return rate ? fmt::format("{:.4g}", *rate) : ""; }
std::string count_text(std::uint64_t count) { return count > 0 ? std::to_string(count) : ""; }

std::string ago(std::uint64_t then_ns, std::uint64_t now_ns) {
  constexpr std::uint64_t kSecond = 1'000'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute;
  if (then_ns == 0) return "";
  const std::uint64_t age = now_ns - std::min(then_ns, now_ns);
  if (age < 2 * kMinute) return std::to_string(age / kSecond) + " s ago";
  if (age < 2 * kHour) return std::to_string(age / kMinute) + " min ago";
  if (age < 48 * kHour) return std::to_string(age / kHour) + " h ago";
  return base::utc(then_ns);
}

/// What cannot be known is null.
template <class Number>
Json known(std::optional<Number> number) {
  return number ? Json(*number) : Json();
}
Json time_json(std::uint64_t wall_ns) { return wall_ns > 0 ? Json(base::utc(wall_ns)) : Json(); }
Json lanes_json(unsigned lanes) { return lanes > 0 ? Json(lanes) : Json(); }

}  // namespace

void print_nodes(const std::vector<host::Node>& nodes, std::uint64_t now_ns, bool workers_too) {
  std::vector<std::vector<std::string>> rows, worker_rows;
  for (const auto& node : nodes) {
    const std::string name = base::printable(node.hostname);
    std::string refusals;
    if (node.refusals)
      refusals = std::to_string(node.refusals->workers) + (node.refusals->excluded() ? ", excluded" : "");
    rows.push_back({name, workers_in_words(node), count_text(node.lanes()), std::to_string(node.tasks()),
                    rate_text(node.tasks_per_second()), ago(node.seen_ns(), now_ns), refusals});
    for (const auto& worker : node.workers) {
      worker_rows.push_back({name, worker.id, std::to_string(worker.pid), word_of(worker.state),
                             count_text(worker.lanes), std::to_string(worker.done.tasks),
                             rate_text(worker.tasks_per_second()), ago(worker.seen_ns, now_ns)});
    }
  }
  if (!rows.empty()) {
    std::printf("\n");
    print_table(
        {{"NODE"}, {"WORKERS"}, {"LANES", true}, {"TASKS", true}, {"TASKS/S", true}, {"LAST SEEN"}, {"REFUSALS"}},
        rows);
  }
  if (!workers_too || worker_rows.empty()) return;
  std::printf("\n");
  print_table({{"NODE"},
               {"WORKER"},
               {"PID", true},
               {"STATE"},
               {"LANES", true},
               {"TASKS", true},
               {"TASKS/S", true},
               {"LAST SEEN"}},
              worker_rows);
}

Json node_json(const host::Node& node, bool workers_too) {
  Json json = {{"hostname", node.hostname},
               {"boot", node.boot},
               {"running", node.workers_in(host::WorkerState::kRunning)},
               {"silent", node.workers_in(host::WorkerState::kSilent)},
               {"ended", node.workers_in(host::WorkerState::kEnded)},
               {"lanes", lanes_json(node.lanes())},
               {"tasks", node.tasks()},
               {"failed", node.failed()},
               {"tasks_per_second", known(node.tasks_per_second())},
               {"last_seen", time_json(node.seen_ns())},
               {"refusals", node.refusals ? node.refusals->workers : 0},
               {"excluded", node.refusals && node.refusals->excluded()}};
  if (!workers_too) return json;
  json["workers"] = Json::array();
  for (const auto& worker : node.workers) {
    json["workers"].push_back({{"worker", worker.id},
                               {"pid", worker.pid},
                               {"state", word_of(worker.state)},
                               {"lanes", lanes_json(worker.lanes)},
                               {"tasks", worker.done.tasks},
                               {"failed", worker.done.failed},
                               {"tasks_per_second", known(worker.tasks_per_second())},
                               {"last_seen", time_json(worker.seen_ns)}});
  }
  return json;
}

}  // namespace jobhost::cli
