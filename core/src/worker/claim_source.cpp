#include "worker/claim_source.hpp"

#include <algorithm>

namespace jobhost::worker {
namespace {

// An idle worker looks at what others do again once it has been idle for a tenth longer, within these limits.
constexpr std::uint64_t kShortestWaitNs = 100'000'000, kLongestWaitNs = 3'000'000'000;

}  // namespace

ClaimSource::ClaimSource(base::Env& env, const store::JobDirectory& job, const bundle::Manifest& manifest,
                         const std::string& manifest_sha256, store::Party& party)
    : env_(env),
      job_(job),
      manifest_(manifest),
      self_(party.self().id),
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
  logs_.read([this](std::size_t, const store::Frame& frame) { note(frame); });
}

void ClaimSource::refresh_claim(std::uint64_t claim) {
  if (const auto before = taken_over_.find(claim); before != taken_over_.end()) read_logs_of(before->second);
  read_logs_of(Parties{self_});
}

/// All that was done of a claim stands in the logs of its holders: where a hundred workers of one machine die, each
/// takeover would otherwise look into every log of the job.
void ClaimSource::read_logs_of(const std::optional<Parties>& parties) {
  if (!parties) return refresh();
  for (const auto& party : *parties) {
    logs_.read_of(party, [this](std::size_t, const store::Frame& frame) { note(frame); });
  }
}

/// Nothing when somebody left no name; a power cut may take that of an earlier generation and leave a later one.
std::optional<ClaimSource::Parties> ClaimSource::holders(std::uint64_t claim, const Other& latest) {
  if (!latest.owner) return std::nullopt;
  Parties parties{latest.owner->id};
  for (std::uint32_t generation = 0; generation < latest.generation; ++generation) {
    try {
      const auto holder = claims_.owner(claim, generation);
      if (!holder) return std::nullopt;
      parties.push_back(holder->id);
    } catch (const base::Error&) {
      return std::nullopt;
    }
  }
  return parties;
}

void ClaimSource::note(const store::Frame& frame) {
  const auto kind = static_cast<store::FrameKind>(frame.header.kind);
  if (kind != store::FrameKind::kResults && kind != store::FrameKind::kFailure) return;
  const store::Interval tasks{frame.header.first, frame.header.first + frame.header.count};
  if (tasks.end > manifest_.tasks || tasks.end < tasks.first) return;  // nothing that this job could have written
  note_done(tasks);
  if (kind == store::FrameKind::kFailure) failed_.add(tasks);
}

std::uint64_t ClaimSource::failed_within(store::Interval tasks) const {
  std::uint64_t count = tasks.size();
  for (const auto& rest : failed_.missing(tasks)) count -= rest.size();
  return count;
}

std::optional<ClaimSource::Work> ClaimSource::next() {
  // Where a thousand workers start together, each would ask after all the others: after each living owner twice as many
  // are passed over, to be asked after when no claim is free any more.
  std::uint64_t ask_at = cursor_, stride = 1;
  for (; cursor_ < manifest_.claims(); ++cursor_) {
    if (finished(cursor_)) continue;
    if (!taken_.contains(cursor_)) {
      if (claims_.take(cursor_, 0)) return work_of(cursor_++, "");
      taken_.merge(claims_.taken_near(cursor_));  // others are ahead
    }
    Other other{taken_[cursor_]};
    if (cursor_ >= ask_at) {
      if (auto work = take_over(cursor_, other)) {
        ++cursor_;
        return work;
      }
      ask_at = cursor_ + stride;
      stride *= 2;
    }
    others_.emplace(cursor_, std::move(other));
  }
  const std::uint64_t now = env_.monotonic_ns();
  if (others_.empty() || now < look_at_others_) return std::nullopt;
  const std::uint64_t known = done().size();
  if (logs_.lag() && job_.is_done(env_)) logs_.renew();
  refresh();
  if (nothing_new_since_ == 0 || done().size() > known) nothing_new_since_ = now;
  look_at_others_ = now + std::clamp((now - nothing_new_since_) / 10, kShortestWaitNs, kLongestWaitNs);
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
      nothing_new_since_ = 0;
      return work;
    }
  }
  return std::nullopt;
}

/// The claim is now ours, if its owner is dead and nobody else was faster.
std::optional<ClaimSource::Work> ClaimSource::take_over(std::uint64_t claim, Other& other) {
  if (!std::exchange(other.known, true)) other.owner = claims_.owner(claim, other.generation);
  if (other.owner && !watch_.dead(*other.owner)) return std::nullopt;
  auto before = holders(claim, other);
  read_logs_of(before);
  if (finished(claim) || !claims_.take(claim, other.generation + 1)) return std::nullopt;
  read_logs_of(before);  // all that the dead owner wrote is there to be read now
  taken_over_[claim] = std::move(before);
  return work_of(claim, other.owner ? other.owner->id : "that left no name");
}

ClaimSource::Work ClaimSource::work_of(std::uint64_t claim, const std::string& dead_owner) {
  const store::Interval tasks = tasks_of(claim);
  return {claim, tasks, done().missing(tasks), dead_owner};
}

void ClaimSource::claim_finished(std::uint64_t claim, std::uint64_t, std::uint64_t failed) {
  note_done(tasks_of(claim));
  taken_over_.erase(claim);
  if (failed > 0) own_failures_[claim] = failed;
}

std::pair<std::uint64_t, std::uint64_t> ClaimSource::totals() const {
  std::uint64_t failed = failed_.size();
  for (const auto& [claim, count] : own_failures_) failed += count - failed_within(tasks_of(claim));
  return {manifest_.tasks - failed, failed};
}

}  // namespace jobhost::worker
