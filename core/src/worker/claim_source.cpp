#include "worker/claim_source.hpp"

#include <algorithm>

namespace jobhost::worker {
namespace {

// A worker without work looks again once it has been without for a tenth longer, within these limits. Where there are
// many workers, they look less often: all together some hundred times a second at most.
constexpr std::uint64_t kShortestWaitNs = 100'000'000, kLongestWaitNs = 3'000'000'000;
constexpr std::uint64_t kWaitPerClaimNs = 50'000;  // 3 ms for each worker
constexpr std::uint64_t kLookNs = 100'000'000;     // at others, before the supervisor's other business
constexpr std::uint64_t kGrowth = 4;               // of how many claims are passed over at the start

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
      duty_(env, job, party, watch_, manifest.lease_ms * 1'000'000),
      free_(env, claims_, manifest.claims(), [this](std::uint64_t claim) { return finished(claim); }),
      old_done_(job.is_done(env)) {
  if (manifest.reused) read_all_logs();  // the host's is one of them
}

store::Interval ClaimSource::tasks_of(std::uint64_t claim) const {
  const std::uint64_t first = claim * manifest_.claim;
  return {first, std::min(first + manifest_.claim, manifest_.tasks)};
}

void ClaimSource::read_all_logs() {
  logs_.discover();
  logs_.read([this](std::size_t, const store::Frame& frame) { note(frame); });
}

void ClaimSource::refresh() { read_logs_of(Parties{self_}); }

void ClaimSource::refresh_claim(std::uint64_t claim) {
  if (const auto held = held_.find(claim); held != held_.end()) read_logs_of(held->second.before);
  refresh();
}

/// All that was done of a claim stands in the logs of its holders: where a hundred workers of one machine die, each
/// takeover would otherwise look into every log of the job.
void ClaimSource::read_logs_of(const std::optional<Parties>& parties) {
  if (!parties) return read_all_logs();
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
  if (!looked_around_) begin_around();
  if (auto work = take_given_up()) return work;
  if (auto work = look_around()) return work;
  if (const auto claim = free_.take()) return work_of(*claim, {}, "");
  if (env_.monotonic_ns() < look_again_) return std::nullopt;
  free_.look();
  auto work = take_given_up();
  if (!work) work = look_after_others();
  if (!work) return std::nullopt;
  nothing_new_since_ = 0;
  duty_.resign();
  return work;
}

std::optional<ClaimSource::Work> ClaimSource::take_given_up() {
  while (const auto given_up = free_.given_up()) {
    const auto [claim, generation] = *given_up;
    Other other{generation};
    auto work = take_from(claim, other);
    if (work || finished(claim)) claims_.forget_given_up(claim, generation);
    if (work) return work;
  }
  return std::nullopt;
}

/// At the start, at the claims that were taken last: a worker that replaces a dead one goes on where that was. Where a
/// thousand start together, each would ask after all the others: after each time in vain more of them are passed over.
void ClaimSource::begin_around() {
  looked_around_ = true;
  const std::uint64_t folders = free_.look();
  for (std::uint64_t last = 1; last <= std::min<std::uint64_t>(folders, 2); ++last) {
    around_.merge(claims_.taken_near((folders - last) * store::Claims::kPerFolder));
  }
}

std::optional<ClaimSource::Work> ClaimSource::look_around() {
  while (!around_.empty()) {
    const auto [claim, generation] = *around_.rbegin();
    around_.erase(claim);
    if (claim >= manifest_.claims() || finished(claim) || ++passed_ < ask_at_) continue;
    passed_ = 0;
    Other other{generation};
    if (!alive(claim, other)) {
      if (auto work = take_from(claim, other)) return work;
    }
    ask_at_ *= kGrowth;
  }
  return std::nullopt;
}

/// For a while; where there is much to look at, it goes on the next time.
std::optional<ClaimSource::Work> ClaimSource::look_after_others() {
  const std::uint64_t begin = env_.monotonic_ns();
  const auto rest = [&] { return env_.monotonic_ns() - begin >= kLookNs; };
  if (!looking_) {
    // One that stood there before may be what a power cut left. Any other was written by somebody who saw all records.
    if (!old_done_ && job_.is_done(env_)) {
      said_done_ = true;
      return std::nullopt;
    }
    if (nothing_new_since_ == 0) nothing_new_since_ = begin;
    if (!old_done_ && !duty_.mine()) return wait(begin);
    if (logs_read_ == 0) logs_.discover();
    looking_ = true;
    began_looking_ = begin;
    known_ = done().size();
  }
  for (; !all_read_; all_read_ = logs_read_ >= logs_.size()) {
    if (rest()) return std::nullopt;
    if (logs_read_ < logs_.size())
      logs_.read_log(logs_read_++, [this](std::size_t, const store::Frame& frame) { note(frame); });
  }
  for (;;) {
    if (rest()) return std::nullopt;
    const auto claim = next_unfinished(ask_from_);
    if (!claim) break;
    ask_from_ = *claim + 1;
    if (auto work = look_after(*claim)) return work;
  }
  looking_ = false;
  ask_from_ = 0;
  listed_.reset();
  if (done().size() > known_ || std::exchange(gave_up_, false)) nothing_new_since_ = env_.monotonic_ns();
  return wait(began_looking_);
}

std::optional<std::uint64_t> ClaimSource::next_unfinished(std::uint64_t from) const {
  const std::uint64_t first = from * manifest_.claim;
  if (first >= manifest_.tasks) return std::nullopt;
  const auto missing = done().first_missing({first, manifest_.tasks});
  if (!missing) return std::nullopt;
  return *missing / manifest_.claim;
}

std::optional<ClaimSource::Work> ClaimSource::look_after(std::uint64_t claim) {
  if (const std::uint64_t folder = claim / store::Claims::kPerFolder; listed_ != folder) {
    listed_ = folder;
    latest_ = claims_.taken_near(claim);
  }
  const auto found = latest_.find(claim);
  if (found == latest_.end()) {  // a power cut took the name, or nobody has been here
    if (!claims_.take(claim, 0)) return std::nullopt;
    return work_of(claim, {}, "");
  }
  Other& other = others_[claim];
  if (found->second > other.generation) other = {found->second};
  const bool lives = !other.given_up && alive(claim, other);
  read_logs_of(lives ? Parties{other.owner->id} : holders(claim, other));
  if (finished(claim)) {
    others_.erase(claim);
  } else if (!lives && !std::exchange(other.given_up, true)) {
    claims_.give_up(claim, other.generation);  // to whoever of all that wait looks first
    gave_up_ = true;
  }
  return std::nullopt;
}

/// Nothing to do for a while, which is a little longer or shorter for each worker.
std::optional<ClaimSource::Work> ClaimSource::wait(std::uint64_t looked_since) {
  const std::uint64_t now = env_.monotonic_ns(),
                      longest = std::max(kLongestWaitNs, kWaitPerClaimNs * manifest_.claims());
  const std::uint64_t pause = std::clamp((now - nothing_new_since_) / 10, kShortestWaitNs, longest);
  std::uint32_t chance = 0;
  env_.random(&chance, sizeof chance);
  look_again_ = now + std::max(now - looked_since, pause / 4 * 3 + pause / 2 * (chance % 1024) / 1024);
  return std::nullopt;
}

bool ClaimSource::alive(std::uint64_t claim, Other& other) {
  if (!std::exchange(other.known, true)) other.owner = claims_.owner(claim, other.generation);
  return other.owner && !watch_.dead(*other.owner);
}

/// The claim is now ours, unless it is done or somebody else was faster.
std::optional<ClaimSource::Work> ClaimSource::take_from(std::uint64_t claim, Other& other) {
  if (held_.contains(claim)) return std::nullopt;  // we took it meanwhile, or were taken for dead
  if (!std::exchange(other.known, true)) other.owner = claims_.owner(claim, other.generation);
  auto before = holders(claim, other);
  read_logs_of(before);
  if (finished(claim) || !claims_.take(claim, other.generation + 1)) return std::nullopt;
  read_logs_of(before);  // all that the dead owner wrote is there to be read now
  return work_of(claim, {other.generation + 1, std::move(before)}, other.owner ? other.owner->id : "that left no name");
}

ClaimSource::Work ClaimSource::work_of(std::uint64_t claim, Held held, const std::string& dead_owner) {
  const store::Interval tasks = tasks_of(claim);
  held_.insert_or_assign(claim, std::move(held));
  return {claim, tasks, done().missing(tasks), dead_owner};
}

void ClaimSource::claim_finished(std::uint64_t claim, std::uint64_t, std::uint64_t failed) {
  note_done(tasks_of(claim));
  held_.erase(claim);
  if (failed > 0) own_failures_[claim] = failed;
}

void ClaimSource::give_up() {
  for (const auto& [claim, held] : held_) claims_.give_up(claim, held.generation);
  duty_.resign();
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> ClaimSource::totals() const {
  if (said_done_) return std::nullopt;
  std::uint64_t failed = failed_.size();
  for (const auto& [claim, count] : own_failures_) failed += count - failed_within(tasks_of(claim));
  return std::pair{manifest_.tasks - failed, failed};
}

}  // namespace jobhost::worker
