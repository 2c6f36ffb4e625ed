#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "store/party.hpp"

namespace jobhost::worker {

/// Who of the workers without work looks after what others left undone, and says when all is done. That means to read
/// everybody's logs, so of ten thousand only a few do: those that live and have the smallest ids. All others wait.
class Duty {
 public:
  Duty(base::Env& env, store::JobDirectory job, const store::Party& party, store::DeathWatch& watch,
       std::uint64_t lease_ns);

  /// Whether it is this worker's.
  bool mine();

 private:
  bool enough_before();

  base::Env& env_;
  store::JobDirectory job_;
  const std::string self_;
  store::DeathWatch& watch_;
  const std::uint64_t excuse_ns_;
  std::uint64_t excused_until_ = 0;  // monotonic
  std::map<std::string, store::Identity> known_;
  std::set<std::string> passed_;  // hosts, and workers that are dead
};

}  // namespace jobhost::worker
