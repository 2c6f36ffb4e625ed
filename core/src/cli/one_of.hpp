#pragma once

#include <string>
#include <vector>

namespace CLI {
class Validator;
}

namespace jobhost::cli {

/// Lets an option have no other value than these words, which help and completion know. What it says about another one
/// is a sentence, and in a second line the nearest word.
CLI::Validator one_of(const std::vector<std::string>& words);

}  // namespace jobhost::cli
