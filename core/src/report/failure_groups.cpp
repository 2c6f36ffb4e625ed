#include "report/failure_groups.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace jobhost::report {
namespace {

constexpr std::size_t kGroups = 200, kTasksNamed = 5;

/// "cannot open 'run-#.dat'": each run of digits is one sign.
std::string without_numbers(const std::string& message) {
  std::string text;
  for (const char c : message) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit) text += c;
    if (digit && (text.empty() || text.back() != '#')) text += '#';
  }
  return text;
}

std::string key_of(const host::Explanation& failure) {
  const std::string place = failure.where.empty() ? without_numbers(failure.what) : failure.where;
  return failure.kind + "\n" + failure.type + "\n" + place;
}

}  // namespace

std::optional<std::size_t> FailureGroups::add(std::uint64_t task, const host::Explanation& failure) {
  const std::string key = key_of(failure);
  auto known = known_.find(key);
  if (known == known_.end()) {
    if (groups_.size() == kGroups) {
      ++left_out_;
      return std::nullopt;
    }
    known = known_.emplace(key, groups_.size()).first;
    groups_.push_back({failure, {}, 0});
  }
  FailureGroup& group = groups_[known->second];
  ++group.count;
  if (group.tasks.size() < kTasksNamed) group.tasks.push_back(task);
  return known->second;
}

std::vector<std::size_t> FailureGroups::largest_first() const {
  std::vector<std::size_t> order(groups_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [this](std::size_t a, std::size_t b) { return groups_[a].count > groups_[b].count; });
  return order;
}

}  // namespace jobhost::report
