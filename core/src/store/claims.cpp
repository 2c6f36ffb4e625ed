#include "store/claims.hpp"

#include <algorithm>
#include <charconv>

#include "base/beneath.hpp"

namespace jobhost::store {

Claims::Claims(base::Env& env, JobDirectory job, Party& party) : env_(env), job_(std::move(job)), party_(party) {}

std::string Claims::folder(std::uint64_t index) const {
  return job_.claims() + "/" + std::to_string(index / kPerFolder);
}

std::string Claims::path(std::uint64_t index, std::uint32_t generation) const {
  return folder(index) + "/" + std::to_string(index) + "." + std::to_string(generation);
}

bool Claims::take(std::uint64_t index, std::uint32_t generation) {
  const std::string in = folder(index);
  if (made_ != in) base::make_directories_beneath(env_, job_.path(), in);
  made_ = in;
  return party_.link_to(path(index, generation));
}

std::uint64_t Claims::folders() {
  std::uint64_t folders = 0;
  for (const auto& name : base::list_beneath(env_, job_.claims())) {
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data(), end, number);
    if (error == std::errc() && stop == end) folders = std::max(folders, number + 1);
  }
  return folders;
}

Claims::Generations Claims::taken_near(std::uint64_t near) {
  Generations found;
  for (const auto& name : base::list_beneath(env_, folder(near))) {
    std::uint64_t index = 0;
    std::uint32_t generation = 0;
    const char* const end = name.data() + name.size();
    const auto [dot, error] = std::from_chars(name.data(), end, index);
    if (error != std::errc() || dot == end || *dot != '.') continue;
    const auto [stop, no_number] = std::from_chars(dot + 1, end, generation);
    if (no_number != std::errc() || stop != end) continue;
    auto& latest = found[index];
    latest = std::max(latest, generation);
  }
  if (!found.empty()) made_ = folder(near);
  return found;
}

std::optional<Identity> Claims::owner(std::uint64_t index, std::uint32_t generation) {
  return read_identity_if_whole(env_, job_, path(index, generation));
}

}  // namespace jobhost::store
