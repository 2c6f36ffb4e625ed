#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bundle/calling_context.hpp"

namespace jobhost::cli {

/// A calling context for people: what it is about, and how it was. `show --json` has every value.
std::vector<std::pair<std::string, std::string>> context_in_words(const bundle::CallingContext& context);

}  // namespace jobhost::cli
