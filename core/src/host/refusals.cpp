#include "host/refusals.hpp"

#include <map>

#include "store/refusals.hpp"

namespace jobhost::host {

std::vector<Refusals> refusals_of(base::Env& env, const Job& job) {
  std::map<std::pair<std::string, std::string>, Refusals> groups;
  for (const auto& refusal : store::read_refusals(env, job.directory)) {
    Refusals& group = groups[{refusal.hostname, refusal.boot}];
    group = {refusal.hostname, refusal.reason, refusal.code, group.workers + 1};
  }
  std::vector<Refusals> all;
  for (auto& [key, group] : groups) all.push_back(std::move(group));
  return all;
}

std::string in_words(const Refusals& refusals) {
  return refusals.hostname + (refusals.workers > 1 ? " (" + std::to_string(refusals.workers) + " workers)" : "") +
         ": " + refusals.reason;
}

std::string why_no_worker(base::Env& env, const Job& job) {
  std::string lines;
  for (const auto& refusals : refusals_of(env, job)) lines += (lines.empty() ? "" : "\n") + in_words(refusals);
  return lines;
}

}  // namespace jobhost::host
