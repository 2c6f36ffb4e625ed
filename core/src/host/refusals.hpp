#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "host/submission.hpp"
#include "store/refusals.hpp"

namespace jobhost::host {

/// Workers of one machine that could not do their part since the present owner began.
struct Refusals {
  std::string hostname, boot;  // the machine
  std::string reason;          // of one of them
  int code = 0;                // its exit code
  std::uint64_t workers = 0;
  bool excluded() const { return workers >= store::kRefusalsThatExclude; }
};
std::vector<Refusals> refusals_of(base::Env& env, const Job& job);

/// "n1 (3 workers): the disk is full"
std::string in_words(const Refusals& refusals);

/// A line for each machine: the hint of an error that says that no worker is left.
std::string in_words(const std::vector<Refusals>& refusals);
/// That error's code: the one that all of them have in common, else kBackendFailed.
base::ExitCode code_of(const std::vector<Refusals>& refusals);

}  // namespace jobhost::host
