#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/explanation.hpp"

namespace jobhost::report {

/// What failures of one group have in common: kind, type and place, and of exceptions the message without its numbers.
std::string key_of(const host::Explanation& failure);

/// Failures that are alike. Where one place has very many messages, the last group has all further ones.
struct FailureGroup {
  host::Explanation first;
  std::vector<std::uint64_t> tasks;  // the first few
  std::uint64_t count = 0;
  bool same_message = true;
};

/// "std::domain_error: unlucky 13", and whether others of the group say something else.
std::string headline(const FailureGroup& group);

/// Sorts failures into groups, in memory that does not grow with their number.
class FailureGroups {
 public:
  /// Returns the number of its group; nothing when there are too many groups for another one.
  std::optional<std::size_t> add(std::uint64_t task, const host::Explanation& failure);

  /// In the order in which they came up.
  const std::vector<FailureGroup>& groups() const { return groups_; }
  /// Failures that are in none of them.
  std::uint64_t left_out() const { return left_out_; }
  /// Numbers of the groups, those of most failures first.
  std::vector<std::size_t> largest_first() const;

 private:
  std::map<std::string, std::size_t> known_;            // groups by key
  std::map<std::string, std::vector<std::size_t>> at_;  // by place, those of exceptions
  std::vector<FailureGroup> groups_;
  std::uint64_t left_out_ = 0;
};

}  // namespace jobhost::report
