#include "host/refusals.hpp"

#include <algorithm>
#include <map>

namespace jobhost::host {

std::vector<Refusals> refusals_of(base::Env& env, const Job& job) {
  std::map<std::pair<std::string, std::string>, Refusals> groups;
  for (const auto& refusal : store::read_refusals(env, job.directory)) {
    Refusals& group = groups[{refusal.hostname, refusal.boot}];
    group = {refusal.hostname, refusal.boot, refusal.reason, refusal.code, group.workers + 1};
  }
  std::vector<Refusals> all;
  for (auto& [key, group] : groups) all.push_back(std::move(group));
  return all;
}

std::string in_words(const Refusals& refusals) {
  return refusals.hostname + (refusals.workers > 1 ? " (" + std::to_string(refusals.workers) + " workers)" : "") +
         ": " + refusals.reason;
}

std::string in_words(const std::vector<Refusals>& refusals) {
  std::string lines;
  for (const auto& some : refusals) lines += (lines.empty() ? "" : "\n") + in_words(some);
  return lines;
}

base::ExitCode code_of(const std::vector<Refusals>& refusals) {
  const auto other = [&](const Refusals& some) { return some.code != refusals.front().code; };
  return refusals.empty() || std::any_of(refusals.begin(), refusals.end(), other)
             ? base::ExitCode::kBackendFailed
             : static_cast<base::ExitCode>(refusals.front().code);
}

}  // namespace jobhost::host
