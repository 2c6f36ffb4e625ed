#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "store/party.hpp"

namespace jobhost::store {

/// Who holds a range of tasks now.
struct Claim {
  std::uint64_t index = 0;
  std::uint32_t generation = 0;  // 0 for the first owner, one more per takeover
  Identity owner;
};

/// The claims of one job: claim c covers tasks [c*size, (c+1)*size). Taking one is a single hard link.
class Claims {
 public:
  Claims(base::Env& env, JobDirectory job, Party& party);

  /// Takes claim `index` in this generation; false when another party has it.
  bool take(std::uint64_t index, std::uint32_t generation);
  /// The latest generation of a claim, or nothing when nobody took it.
  std::optional<Claim> latest(std::uint64_t index);
  /// Indices that somebody took, by one listing of the directory.
  std::set<std::uint64_t> taken();

 private:
  std::string path(std::uint64_t index, std::uint32_t generation) const;

  base::Env& env_;
  JobDirectory job_;
  Party& party_;
};

}  // namespace jobhost::store
