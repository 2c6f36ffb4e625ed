#pragma once

#include <optional>
#include <string_view>

namespace jobhost::base {

/// What committed results survive.
enum class SyncPolicy {
  kProcess,  // the death of any process; after a power cut, what the kernel had written by itself
  kBatch,    // also a power cut, except for what was committed in the second before it
  kStrict,   // also a power cut: a result is committed when the disk has it
};

inline constexpr const char* kSyncPolicies[] = {"process", "batch", "strict"};

constexpr const char* word_of(SyncPolicy policy) { return kSyncPolicies[static_cast<int>(policy)]; }

constexpr std::optional<SyncPolicy> sync_policy_of(std::string_view word) {
  for (const auto policy : {SyncPolicy::kProcess, SyncPolicy::kBatch, SyncPolicy::kStrict}) {
    if (word == word_of(policy)) return policy;
  }
  return std::nullopt;
}

}  // namespace jobhost::base
