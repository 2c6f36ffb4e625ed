#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "store/claims.hpp"

namespace jobhost::worker {

/// Takes claims that nobody had yet, nearly in order. Ten thousand workers may ask at the same time, so none of them
/// walks past all the others' claims: folders of claims are opened one after another, the next only once the one
/// `window` before it is full. So the highest folder, which a single list tells, says that all folders before the
/// window are full. Where others are ahead of it, a worker takes what is free at random.
class FreeClaims {
 public:
  /// `claims`: of the job. `finished` tells of a claim whose tasks are all done; it is passed over.
  FreeClaims(base::Env& env, store::Claims& names, std::uint64_t claims, std::function<bool(std::uint64_t)> finished);

  /// A claim that is now ours, in generation 0; nothing once all are taken.
  std::optional<std::uint64_t> take();
  /// One that somebody gave up, and in which generation, as far as was seen in passing; each is named once.
  std::optional<std::pair<std::uint64_t, std::uint32_t>> given_up();
  /// Looks for more of these; how many folders of claims there are.
  std::uint64_t look();

 private:
  void find();
  bool open(std::uint64_t folder);
  std::uint64_t below(std::uint64_t end);

  base::Env& env_;
  store::Claims& names_;
  const std::uint64_t claims_, folders_, window_, usual_spread_;
  std::function<bool(std::uint64_t)> finished_;
  std::vector<std::uint64_t> free_;  // of one folder, as far as is known
  std::set<std::pair<std::uint64_t, std::uint32_t>> given_up_, named_;
  std::set<std::uint64_t> lost_;  // that others were faster to take; a list may not show them yet
  std::uint64_t opened_ = 0;      // folders that exist
  std::uint64_t spread_;          // how many of those that are free are chosen from
  bool crowded_ = false;          // others are ahead
  bool none_ = false;
};

}  // namespace jobhost::worker
