#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "store/party.hpp"

namespace jobhost::worker {

/// Who of the workers without work looks after what others left undone, and says when all is done. That means to read
/// everybody's logs, so of ten thousand only a few do: those who hold one of a few places in host/. All others wait.
/// Places are taken over as claims are, a generation after the other; one that nobody's name stands for is vacant.
class Duty {
 public:
  /// `party` and `watch` outlive it.
  Duty(base::Env& env, store::JobDirectory job, store::Party& party, store::DeathWatch& watch, std::uint64_t lease_ns);

  /// Whether it is this worker's: it holds a place, or takes one whose holder is dead.
  bool mine();
  /// There is work to do. Others do not wait for the end of it.
  void resign();

 private:
  static constexpr std::size_t kPlaces = 4;
  struct Place {
    std::optional<std::uint32_t> generation = std::nullopt;  // the latest that is known
    std::optional<store::Identity> holder = std::nullopt;
  };
  std::string path(std::size_t place, std::uint32_t generation) const;
  void look();

  base::Env& env_;
  store::JobDirectory job_;
  store::Party& party_;
  store::DeathWatch& watch_;
  const std::uint64_t period_ns_;  // between two questions whether the holders live
  std::uint64_t ask_again_ = 0;    // monotonic
  std::array<Place, kPlaces> places_;
  std::optional<std::size_t> own_;  // place
};

}  // namespace jobhost::worker
