#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "store/party.hpp"

namespace jobhost::store {

/// The claims of one job: claim c covers tasks [c*size, (c+1)*size). Taking one is a single hard link. Which generation
/// of a claim is the latest (0 for the first owner, one more per takeover) is found out by listing, not by looking
/// names up: a machine may remember for a minute that a name on a network file system was not there.
class Claims {
 public:
  static constexpr std::uint64_t kPerFolder = 256;
  using Generations = std::map<std::uint64_t, std::uint32_t>;  // by index

  Claims(base::Env& env, JobDirectory job, Party& party);

  /// Takes claim `index` in this generation; false when another party has it.
  bool take(std::uint64_t index, std::uint32_t generation);
  /// Says that who took it in this generation does not finish it: anybody may take the next one.
  void give_up(std::uint64_t index, std::uint32_t generation);
  /// Somebody has taken what was given up, or it is done.
  void forget_given_up(std::uint64_t index, std::uint32_t generation);
  struct Overview {
    std::uint64_t folders = 0;  // one more than the number of the last one
    Generations given_up;
  };
  Overview overview();
  /// The latest generation of each claim that somebody took, of those whose names are in the folder of this one.
  Generations taken_near(std::uint64_t index);
  /// Nothing when its identity, or the claim's name, did not survive a power cut. Then nobody of that name lives.
  std::optional<Identity> owner(std::uint64_t index, std::uint32_t generation);

 private:
  std::string folder(std::uint64_t index) const;
  std::string path(std::uint64_t index, std::uint32_t generation) const;
  std::string given_up_path(std::uint64_t index, std::uint32_t generation) const;

  base::Env& env_;
  JobDirectory job_;
  Party& party_;
  std::string made_;  // the folder that was last seen to be there
};

}  // namespace jobhost::store
