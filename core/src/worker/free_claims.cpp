#include "worker/free_claims.hpp"

#include <algorithm>
#include <iterator>

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kPerWorker = 64;  // claims of a worker, about (host/submission)
constexpr std::uint64_t kPerFolder = store::Claims::kPerFolder;

}  // namespace

FreeClaims::FreeClaims(base::Env& env, store::Claims& names, std::uint64_t claims,
                       std::function<bool(std::uint64_t)> finished)
    : env_(env),
      names_(names),
      claims_(claims),
      folders_((claims + kPerFolder - 1) / kPerFolder),
      window_(std::max<std::uint64_t>(1, claims / kPerWorker / kPerFolder)),  // one claim for each worker is in it
      usual_spread_(std::max<std::uint64_t>(2, 2 * claims / kPerWorker)),
      finished_(std::move(finished)),
      spread_(usual_spread_) {}

std::optional<std::uint64_t> FreeClaims::take() {
  if (crowded_) free_.clear();  // what was listed is long out of date
  while (!none_) {
    if (free_.empty()) find();
    while (!free_.empty()) {
      const auto chosen = free_.begin() + static_cast<std::ptrdiff_t>(
                                              crowded_ ? below(std::min<std::uint64_t>(spread_, free_.size())) : 0);
      const std::uint64_t claim = *chosen;
      free_.erase(chosen);
      if (names_.take(claim, 0)) {
        spread_ = std::max(usual_spread_, spread_ / 2);
        return claim;
      }
      lost_.insert(claim);
      crowded_ = true;
      spread_ = std::min(2 * spread_, kPerFolder);
      free_.clear();
    }
  }
  return std::nullopt;
}

std::uint64_t FreeClaims::look() {
  const auto seen = names_.overview();
  opened_ = std::max(opened_, seen.folders);
  given_up_.clear();
  for (const auto& claim : seen.given_up) {
    if (claim.first < claims_ && !named_.contains(claim)) given_up_.insert(claim);
  }
  return seen.folders;
}

std::optional<std::pair<std::uint64_t, std::uint32_t>> FreeClaims::given_up() {
  if (given_up_.empty()) return std::nullopt;
  const auto chosen = std::next(given_up_.begin(), static_cast<std::ptrdiff_t>(crowded_ ? below(given_up_.size()) : 0));
  const auto claim = *chosen;
  given_up_.erase(chosen);
  named_.insert(claim);
  return claim;
}

/// Lists a folder that has free claims.
void FreeClaims::find() {
  look();
  const std::uint64_t end = std::min(folders_, std::max(opened_, window_)), first = end - std::min(end, window_);
  const bool last = end == folders_;
  if (crowded_ && (open(first + below(end - first)) || open(first))) return;
  for (std::uint64_t folder = first; folder < end && (last || !crowded_); ++folder) {
    if (open(folder)) return;
  }
  if (!last) open(end);
  opened_ = end + 1;
  none_ = last;
}

bool FreeClaims::open(std::uint64_t folder) {
  const std::uint64_t begin = folder * kPerFolder, end = std::min(begin + kPerFolder, claims_);
  const auto taken = names_.taken_near(begin);
  free_.clear();
  for (std::uint64_t claim = begin; claim < end; ++claim) {
    if (!taken.contains(claim) && !lost_.contains(claim) && !finished_(claim)) free_.push_back(claim);
  }
  return !free_.empty();
}

std::uint64_t FreeClaims::below(std::uint64_t end) {
  std::uint64_t number = 0;
  env_.random(&number, sizeof number);
  return number % end;
}

}  // namespace jobhost::worker
