#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/explanation.hpp"

namespace jobhost::report {

/// Failures that have kind, type and place in common; where nobody knows the place, the message without its numbers.
struct FailureGroup {
  host::Explanation first;
  std::vector<std::uint64_t> tasks;  // the first few
  std::uint64_t count = 0;
};

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
  std::map<std::string, std::size_t> known_;
  std::vector<FailureGroup> groups_;
  std::uint64_t left_out_ = 0;
};

}  // namespace jobhost::report
