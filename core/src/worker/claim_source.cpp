#include "worker/claim_source.hpp"

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
  logs_.read([this](std::size_t log, const store::Frame& frame) {
    const auto& header = frame.header;
    const store::Interval tasks{header.first, header.first + header.count};
    if (tasks.end > manifest_.tasks || tasks.end < tasks.first) return;  // nothing that this job could have written
    switch (static_cast<store::FrameKind>(header.kind)) {
      case store::FrameKind::kResults:
        note_done(tasks);
        break;
      case store::FrameKind::kFailure:
        note_done(tasks);
        failed_.add(tasks);
        break;
      case store::FrameKind::kClaimDone: {
        base::Bytes payload;
        if (!logs_.log(log).read_payload(frame, payload)) break;
        base::ByteReader reader(payload);
        const auto ok = reader.value<std::uint64_t>();
        finished_[tasks.first / manifest_.claim] = {ok, reader.value<std::uint64_t>()};
        break;
      }
      case store::FrameKind::kModules:
        break;
    }
  });
}

std::uint64_t ClaimSource::failed_within(store::Interval tasks) const {
  std::uint64_t count = tasks.size();
  for (const auto& rest : failed_.missing(tasks)) count -= rest.size();
  return count;
}

std::optional<ClaimSource::Work> ClaimSource::next() {
  for (; cursor_ < manifest_.claims(); ++cursor_) {
    if (finished_.contains(cursor_)) continue;
    if (!taken_.contains(cursor_) && claims_.take(cursor_, 0)) return work_of(cursor_++, "");
    if (const auto dead = take_over_from_dead(cursor_)) return work_of(cursor_++, *dead);
    others_.push_back(cursor_);
  }
  if (others_.empty() || env_.monotonic_ns() - looked_at_others_ < kLookAtOthersNs) return std::nullopt;
  looked_at_others_ = env_.monotonic_ns();
  refresh();
  for (std::size_t left = others_.size(); left > 0; --left) {
    const std::uint64_t claim = others_.front();
    others_.pop_front();
    if (finished_.contains(claim)) continue;
    if (const auto dead = take_over_from_dead(claim)) return work_of(claim, *dead);
    others_.push_back(claim);
  }
  return std::nullopt;
}

std::optional<std::string> ClaimSource::take_over_from_dead(std::uint64_t claim) {
  const auto latest = claims_.latest(claim);
  if (!latest || !watch_.dead(latest->owner)) return std::nullopt;
  if (!claims_.take(claim, latest->generation + 1)) return std::nullopt;
  refresh();  // all that the dead owner wrote is there to be read now
  return latest->owner.id;
}

ClaimSource::Work ClaimSource::work_of(std::uint64_t claim, const std::string& dead_owner) {
  const store::Interval tasks = tasks_of(claim);
  return {claim, tasks, done().missing(tasks), dead_owner};
}

void ClaimSource::claim_finished(std::uint64_t claim, std::uint64_t ok, std::uint64_t failed) {
  finished_[claim] = {ok, failed};
}

std::pair<std::uint64_t, std::uint64_t> ClaimSource::totals() const {
  std::pair<std::uint64_t, std::uint64_t> sum{0, 0};
  for (const auto& [claim, finished] : finished_) {
    sum.first += finished.ok;
    sum.second += finished.failed;
  }
  return sum;
}

}  // namespace jobhost::worker
