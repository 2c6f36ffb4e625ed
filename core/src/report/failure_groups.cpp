#include "report/failure_groups.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace jobhost::report {
namespace {

constexpr std::size_t kGroups = 200, kMessages = 20, kTasksNamed = 5;

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

std::string place_of(const host::Explanation& failure) {
  return failure.kind + "\n" + failure.type + "\n" + failure.where;
}

/// A crash says where in memory it was, which is another place each time.
bool has_message(const host::Explanation& failure) { return failure.kind == "exception" || failure.where.empty(); }

}  // namespace

std::string key_of(const host::Explanation& failure) {
  return place_of(failure) + "\n" + (has_message(failure) ? without_numbers(failure.what) : "");
}

std::string headline(const FailureGroup& group) {
  return host::headline(group.first) + (group.same_message ? "" : " (or alike)");
}

std::optional<std::size_t> FailureGroups::add(std::uint64_t task, const host::Explanation& failure) {
  const std::string key = key_of(failure);
  const auto known = known_.find(key);
  std::size_t number = groups_.size();
  if (known != known_.end()) {
    number = known->second;
  } else {
    const std::string place = place_of(failure);
    const auto here = at_.find(place);
    if (!failure.where.empty() && here != at_.end() && here->second.size() == kMessages) {
      number = here->second.back();
    } else if (groups_.size() == kGroups) {
      ++left_out_;
      return std::nullopt;
    } else {
      known_.emplace(key, number);
      at_[place].push_back(number);
      groups_.push_back({failure, {}, 0});
    }
  }
  FailureGroup& group = groups_[number];
  ++group.count;
  if (has_message(failure) && failure.what != group.first.what) group.same_message = false;
  if (group.tasks.size() < kTasksNamed) group.tasks.push_back(task);
  return number;
}

std::vector<std::size_t> FailureGroups::largest_first() const {
  std::vector<std::size_t> order(groups_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [this](std::size_t a, std::size_t b) { return groups_[a].count > groups_[b].count; });
  return order;
}

}  // namespace jobhost::report
