#include "worker/duty.hpp"

#include <fcntl.h>

#include <charconv>
#include <string_view>

#include "base/beneath.hpp"

namespace jobhost::worker {
namespace {

constexpr std::string_view kBeginning = "duty.";

}  // namespace

Duty::Duty(base::Env& env, store::JobDirectory job, store::Party& party, store::DeathWatch& watch,
           std::uint64_t lease_ns)
    : env_(env), job_(std::move(job)), party_(party), watch_(watch), period_ns_(lease_ns / 2) {}

std::string Duty::path(std::size_t place, std::uint32_t generation) const {
  return job_.host() + "/" + std::string(kBeginning) + std::to_string(place) + "." + std::to_string(generation);
}

bool Duty::mine() {
  look();
  if (own_) return true;
  const std::uint64_t now = env_.monotonic_ns();
  const bool ask = now >= ask_again_;
  if (ask) ask_again_ = now + period_ns_;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    auto& [generation, holder] = places_[i];
    if (holder && (!ask || !watch_.dead(*holder))) continue;
    const std::uint32_t next = generation ? *generation + 1 : 0;
    if (!party_.link_to(path(i, next))) continue;
    generation = next;
    holder = party_.self();
    own_ = i;
    return true;
  }
  return false;
}

/// Lists the places. Who finds another name in its own was taken for dead.
void Duty::look() {
  for (const auto& name : base::list_beneath(env_, job_.host())) {
    if (!name.starts_with(kBeginning)) continue;
    std::size_t place = 0;
    std::uint32_t generation = 0;
    const char* const end = name.data() + name.size();
    const auto [dot, error] = std::from_chars(name.data() + kBeginning.size(), end, place);
    if (error != std::errc() || dot == end || *dot != '.' || place >= kPlaces) continue;
    const auto [stop, no_number] = std::from_chars(dot + 1, end, generation);
    if (no_number != std::errc() || stop != end) continue;
    Place& known = places_[place];
    if (known.generation && *known.generation >= generation) continue;
    known = {generation, store::read_identity_if_whole(env_, job_, job_.host() + "/" + name)};
    if (own_ == place) own_.reset();
  }
}

void Duty::resign() {
  if (!own_) return;
  auto& [generation, holder] = places_[*own_];
  base::open_beneath(env_, job_.path(), path(*own_, ++*generation), O_RDONLY | O_CREAT);  // nobody's
  holder.reset();
  own_.reset();
}

}  // namespace jobhost::worker
