#pragma once

#include <optional>
#include <string>
#include <vector>

namespace jobhost::base {

/// The candidate that `word` is most likely a misspelling of (Levenshtein distance, at most a third of its length plus
/// one), or nothing.
std::optional<std::string> nearest(const std::string& word, const std::vector<std::string>& candidates);

/// "did you mean 'csv'?", or, when nothing is near, "there are: csv, json", or "" when there is nothing at all.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace jobhost::base
