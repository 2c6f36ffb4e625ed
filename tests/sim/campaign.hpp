#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>

namespace jobhost::test {

/// What a seed brought to light; the sentence says what is wrong.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void require(bool holds, const std::string& otherwise) {
  if (!holds) throw Violation(otherwise);
}

/// How often something happened, over all seeds.
using Counts = std::map<std::string, std::uint64_t>;

/// main() of a campaign: runs `one` for each seed and prints what happened. Options: --seeds N, --first S, --minutes M
/// (stops earlier, successfully), --jobs J (processes). Ends with 1 when a seed failed, or when something that `least`
/// names happened less often, per 1000 seeds, than it says: then the campaign did not test what it claims to.
int run_campaign(int argc, char** argv, const char* name, std::uint64_t usual_seeds,
                 const std::function<void(std::uint64_t seed, Counts& counts)>& one, const Counts& least);

}  // namespace jobhost::test
