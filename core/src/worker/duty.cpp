#include "worker/duty.hpp"

#include "base/beneath.hpp"

namespace jobhost::worker {
namespace {

constexpr unsigned kOnDuty = 8;
constexpr std::string_view kEnding = ".0.id";

}  // namespace

Duty::Duty(base::Env& env, store::JobDirectory job, const store::Party& party, store::DeathWatch& watch,
           std::uint64_t lease_ns)
    : env_(env), job_(std::move(job)), self_(party.self().id), watch_(watch), excuse_ns_(lease_ns / 2) {}

bool Duty::mine() {
  const std::uint64_t now = env_.monotonic_ns();
  if (now < excused_until_) return false;
  if (!enough_before()) return true;
  excused_until_ = now + excuse_ns_;
  return false;
}

/// Whether so many live whose ids are smaller. One who is taken for dead without being it only has more company.
bool Duty::enough_before() {
  unsigned alive = 0;
  for (const auto& folder : base::list_beneath(env_, job_.workers())) {
    if (!store::is_party_folder(folder)) continue;
    if (folder > self_.substr(0, 2)) return false;
    const std::string path = job_.workers() + "/" + folder + "/";
    for (const auto& name : base::list_beneath(env_, path.substr(0, path.size() - 1))) {
      if (!name.ends_with(kEnding)) continue;
      const std::string id = name.substr(0, name.size() - kEnding.size());
      if (id >= self_) return false;
      if (!store::is_party_id(id) || passed_.contains(id)) continue;
      auto known = known_.find(id);
      if (known == known_.end()) {
        auto identity = store::read_identity_if_whole(env_, job_, path + name);
        if (!identity || identity->role != "worker") {
          passed_.insert(id);
          continue;
        }
        known = known_.emplace(id, std::move(*identity)).first;
      }
      if (watch_.dead(known->second)) {
        passed_.insert(id);
      } else if (++alive == kOnDuty) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace jobhost::worker
