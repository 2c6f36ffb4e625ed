#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "store/party.hpp"

namespace jobhost::worker {

/// Whether workers of the job live on other machines, as far as their heartbeats have told since the first look.
class Elsewhere {
 public:
  enum class Answer { kNobody, kSomebody, kUnknown };
  /// `lease_ns`: silence after which somebody is not counted any more.
  Elsewhere(base::Env& env, store::JobDirectory job, store::Identity self, std::uint64_t lease_ns)
      : env_(env), job_(std::move(job)), self_(std::move(self)), lease_ns_(lease_ns) {}
  Answer look();

 private:
  struct Seen {
    std::uint64_t beats, since;
    bool moved = false;
  };
  base::Env& env_;
  store::JobDirectory job_;
  store::Identity self_;
  std::uint64_t lease_ns_;
  std::map<std::string, Seen> seen_;
};

}  // namespace jobhost::worker
