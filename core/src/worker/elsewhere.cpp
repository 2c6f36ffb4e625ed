#include "worker/elsewhere.hpp"

namespace jobhost::worker {
Elsewhere::Answer Elsewhere::look() {
  Answer answer = Answer::kNobody;
  for (const auto& party : store::all_parties(env_, job_)) {
    if (party.role != "worker" || (party.hostname == self_.hostname && party.boot == self_.boot)) continue;
    const auto [beats, left] = store::read_heartbeat(env_, job_, party.id);
    if (left != 0) continue;
    const std::uint64_t now = env_.monotonic_ns();
    Seen& seen = seen_.try_emplace(party.id, Seen{beats, now}).first->second;
    if (beats != seen.beats) seen = {beats, now, true};
    if (now - seen.since >= lease_ns_) continue;
    if (seen.moved) return Answer::kSomebody;
    answer = Answer::kUnknown;
  }
  return answer;
}

}  // namespace jobhost::worker
