#include "store/claims.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>

#include "base/beneath.hpp"

namespace jobhost::store {
namespace {

using Generation = std::pair<std::uint64_t, std::uint32_t>;  // of a claim

std::optional<Generation> parse(const std::string& name) {
  Generation claim;
  const char* const end = name.data() + name.size();
  const auto [dot, error] = std::from_chars(name.data(), end, claim.first);
  if (error != std::errc() || dot == end || *dot != '.') return std::nullopt;
  const auto [stop, no_number] = std::from_chars(dot + 1, end, claim.second);
  if (no_number != std::errc() || stop != end) return std::nullopt;
  return claim;
}

void note(const Generation& claim, Claims::Generations& latest) {
  auto& generation = latest[claim.first];
  generation = std::max(generation, claim.second);
}

}  // namespace

Claims::Claims(base::Env& env, JobDirectory job, Party& party) : env_(env), job_(std::move(job)), party_(party) {}

std::string Claims::folder(std::uint64_t index) const {
  return job_.claims() + "/" + std::to_string(index / kPerFolder);
}

std::string Claims::path(std::uint64_t index, std::uint32_t generation) const {
  return folder(index) + "/" + std::to_string(index) + "." + std::to_string(generation);
}

std::string Claims::given_up_path(std::uint64_t index, std::uint32_t generation) const {
  return job_.claims() + "/" + std::to_string(index) + "." + std::to_string(generation);
}

bool Claims::take(std::uint64_t index, std::uint32_t generation) {
  const std::string in = folder(index);
  if (made_ != in) base::make_directories_beneath(env_, job_.path(), in);
  made_ = in;
  return party_.link_to(path(index, generation));
}

void Claims::give_up(std::uint64_t index, std::uint32_t generation) {
  base::open_beneath(env_, job_.path(), given_up_path(index, generation), O_RDONLY | O_CREAT);
}

void Claims::forget_given_up(std::uint64_t index, std::uint32_t generation) {
  env_.remove(given_up_path(index, generation));
}

Claims::Overview Claims::overview() {
  Overview found;
  for (const auto& name : base::list_beneath(env_, job_.claims())) {
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data(), end, number);
    if (error == std::errc() && stop == end) found.folders = std::max(found.folders, number + 1);
    if (const auto claim = parse(name)) note(*claim, found.given_up);
  }
  return found;
}

Claims::Generations Claims::taken_near(std::uint64_t near) {
  Generations found;
  for (const auto& name : base::list_beneath(env_, folder(near))) {
    if (const auto claim = parse(name)) note(*claim, found);
  }
  if (!found.empty()) made_ = folder(near);
  return found;
}

std::optional<Identity> Claims::owner(std::uint64_t index, std::uint32_t generation) {
  const std::string name = path(index, generation);
  // A power cut may take this name and leave the one that says that the claim was given up.
  if (!base::exists_beneath(env_, name)) return std::nullopt;
  return read_identity_if_whole(env_, job_, name);
}

}  // namespace jobhost::store
