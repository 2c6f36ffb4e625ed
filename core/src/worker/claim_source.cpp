#include "worker/claim_source.hpp"

#include <algorithm>

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kLookAtOthersNs = 100'000'000;

}  // namespace

ClaimSource::ClaimSource(base::Env& env, const store::JobDirectory& job, const bundle::Manifest& manifest,
                         const std::string& manifest_sha256, store::Party& party)
    : env_(env),
      manifest_(manifest),
      claims_(env, job, party),
      logs_(env, job, store::binary_id(manifest_sha256)),
      watch_(env, job, party.self(), manifest.lease_ms * 1'000'000),
      taken_(claims_.taken()) {
  if (!taken_.empty() || manifest.reused) refresh();
}

store::Interval ClaimSource::tasks_of(std::uint64_t claim) const {
  const std::uint64_t first = claim * manifest_.claim;
  return {first, std::min(first + manifest_.claim, manifest_.tasks)};
}

void ClaimSource::refresh() {
  logs_.discover();
  logs_.read([this](std::size_t, const store::Frame& frame) {
    const auto kind = static_cast<store::FrameKind>(frame.header.kind);
    if (kind != store::FrameKind::kResults && kind != store::FrameKind::kFailure) return;
    const store::Interval tasks{frame.header.first, frame.header.first + frame.header.count};
    if (tasks.end > manifest_.tasks || tasks.end < tasks.first) return;  // nothing that this job could have written
    note_done(tasks);
    if (kind == store::FrameKind::kFailure) failed_.add(tasks);
  });
}

std::uint64_t ClaimSource::failed_within(store::Interval tasks) const {
  std::uint64_t count = tasks.size();
  for (const auto& rest : failed_.missing(tasks)) count -= rest.size();
  return count;
}

std::optional<ClaimSource::Work> ClaimSource::next() {
  for (; cursor_ < manifest_.claims(); ++cursor_) {
    if (finished(cursor_)) continue;
    if (!taken_.contains(cursor_)) {
      if (claims_.take(cursor_, 0)) return work_of(cursor_++, "");
      taken_.merge(claims_.taken_near(cursor_));  // others are ahead
    }
    Other other{taken_[cursor_]};
    if (auto work = take_over(cursor_, other)) {
      ++cursor_;
      return work;
    }
    others_.emplace(cursor_, std::move(other));
  }
  if (others_.empty() || env_.monotonic_ns() - looked_at_others_ < kLookAtOthersNs) return std::nullopt;
  looked_at_others_ = env_.monotonic_ns();
  refresh();
  std::erase_if(others_, [this](const auto& other) { return finished(other.first); });
  std::optional<std::uint64_t> listed;
  store::Claims::Generations latest;
  for (auto& [claim, other] : others_) {
    if (const std::uint64_t folder = claim / store::Claims::kPerFolder; listed != folder) {
      listed = folder;
      latest = claims_.taken_near(claim);
    }
    const auto found = latest.find(claim);
    if (found != latest.end() && found->second > other.generation) other = {found->second};
    if (auto work = take_over(claim, other)) {
      others_.erase(claim);
      return work;
    }
  }
  return std::nullopt;
}

/// The claim is now ours, if its owner is dead and nobody else was faster.
std::optional<ClaimSource::Work> ClaimSource::take_over(std::uint64_t claim, Other& other) {
  if (!std::exchange(other.known, true)) other.owner = claims_.owner(claim, other.generation);
  if (other.owner && !watch_.dead(*other.owner)) return std::nullopt;
  if (!claims_.take(claim, other.generation + 1)) return std::nullopt;
  refresh();  // all that the dead owner wrote is there to be read now
  return work_of(claim, other.owner ? other.owner->id : "that left no name");
}

ClaimSource::Work ClaimSource::work_of(std::uint64_t claim, const std::string& dead_owner) {
  const store::Interval tasks = tasks_of(claim);
  return {claim, tasks, done().missing(tasks), dead_owner};
}

void ClaimSource::claim_finished(std::uint64_t claim, std::uint64_t, std::uint64_t failed) {
  note_done(tasks_of(claim));
  if (failed > 0) own_failures_[claim] = failed;
}

std::pair<std::uint64_t, std::uint64_t> ClaimSource::totals() const {
  std::uint64_t failed = failed_.size();
  for (const auto& [claim, count] : own_failures_) failed += count - failed_within(tasks_of(claim));
  return {manifest_.tasks - failed, failed};
}

}  // namespace jobhost::worker
