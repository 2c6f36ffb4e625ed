#pragma once

#include <string>
#include <vector>

namespace jobhost::scan {

/// "; did you mean 'alpha'?" with the name that is most like `word` (Levenshtein distance), or "" when none is.
std::string suggestion(const std::string& word, const std::vector<std::string>& names);

}  // namespace jobhost::scan
