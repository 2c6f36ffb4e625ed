#include "store/claims.hpp"

#include <charconv>
#include <string_view>

#include "base/beneath.hpp"

namespace jobhost::store {

Claims::Claims(base::Env& env, JobDirectory job, Party& party) : env_(env), job_(std::move(job)), party_(party) {}

std::string Claims::path(std::uint64_t index, std::uint32_t generation) const {
  return job_.claims() + "/" + std::to_string(index / 256) + "/" + std::to_string(index) + "." +
         std::to_string(generation);
}

bool Claims::take(std::uint64_t index, std::uint32_t generation) {
  base::make_directories_beneath(env_, job_.path(), job_.claims() + "/" + std::to_string(index / 256));
  return party_.link_to(path(index, generation));
}

std::optional<Claim> Claims::latest(std::uint64_t index) {
  std::optional<Claim> found;
  for (std::uint32_t generation = 0; base::exists_beneath(env_, path(index, generation)); ++generation) {
    found = Claim{index, generation, {}};
  }
  if (found) found->owner = read_identity(env_, job_, path(index, found->generation));
  return found;
}

std::set<std::uint64_t> Claims::taken() {
  std::set<std::uint64_t> result;
  for (const auto& folder : base::list_beneath(env_, job_.claims())) {
    if (folder.find_first_not_of("0123456789") != std::string::npos) continue;
    for (const auto& name : base::list_beneath(env_, job_.claims() + "/" + folder)) {
      // Later generations follow a first one.
      std::uint64_t index = 0;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
      if (error == std::errc() && std::string_view(end) == ".0") result.insert(index);
    }
  }
  return result;
}

}  // namespace jobhost::store
