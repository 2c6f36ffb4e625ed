#pragma once

#include <string>
#include <vector>

#include "host/submission.hpp"

namespace jobhost::host {

/// Workers of one machine that could not do their part since the present owner began.
struct Refusals {
  std::string hostname, reason;  // of one of them
  int code = 0;                  // its exit code
  std::uint64_t workers = 0;
};
std::vector<Refusals> refusals_of(base::Env& env, const Job& job);

/// "n1 (3 workers): the disk is full"
std::string in_words(const Refusals& refusals);

/// A line for each machine, and how to go on: the hint of an error that says that no worker is left.
std::string why_no_worker(base::Env& env, const Job& job);

}  // namespace jobhost::host
