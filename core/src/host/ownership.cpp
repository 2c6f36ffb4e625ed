#include "host/ownership.hpp"

#include <algorithm>
#include <charconv>

#include "base/file.hpp"

namespace jobhost::host {
namespace {

constexpr std::string_view kOwner = "owner.";

/// By listing, as generations of claims are: a name that was looked up in vain may stay invisible for a minute.
std::optional<std::uint64_t> latest_epoch(base::Env& env, const store::JobDirectory& job) {
  std::optional<std::uint64_t> latest;
  std::vector<std::string> names;
  env.list(job.host(), names);
  for (const auto& name : names) {
    if (!name.starts_with(kOwner)) continue;
    std::uint64_t epoch = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + kOwner.size(), end, epoch);
    if (error == std::errc() && stop == end) latest = std::max(epoch, latest.value_or(0));
  }
  return latest;
}

}  // namespace

Ownership::Ownership(base::Env& env, const Job& job, store::Identity self)
    : party_(env, job.directory, std::move(self)) {
  beat();
  base::make_directories(env, job.directory.host());  // a power cut may have taken it, when nothing was synced
  store::DeathWatch watch(env, job.directory, party_.self(), job.manifest.lease_ms * 1'000'000);
  const std::uint64_t patience = env.monotonic_ns() + job.manifest.lease_ms * 1'000'000 + 1'000'000'000;
  const auto path = [&](std::uint64_t epoch) {
    return job.directory.host() + "/" + std::string(kOwner) + std::to_string(epoch);
  };
  std::uint64_t next = 0;
  if (const auto latest = latest_epoch(env, job.directory)) next = *latest + 1;
  for (;;) {
    // Who did not survive a power cut as a name lives no more.
    const auto owner = next == 0 ? std::nullopt : store::read_identity_if_whole(env, path(next - 1));
    while (owner && !watch.dead(*owner)) {
      // Whether a host on another machine lives is known only after its lease; one on this machine is known at once.
      if (store::life_of(env, *owner, party_.self()) == store::Life::kAlive || env.monotonic_ns() > patience) {
        throw base::Error(base::ExitCode::kOwnedElsewhere,
                          "job " + job.manifest.job + " is being run by process " + std::to_string(owner->pid) +
                              " on " + owner->hostname,
                          "watch it with 'jobhost attach " + job.manifest.job + "', or end it with 'jobhost cancel " +
                              job.manifest.job + "'");
      }
      beat();
      env.sleep_ns(200'000'000);
    }
    if (party_.link_to(path(next))) return;
    ++next;  // somebody was faster
  }
}

}  // namespace jobhost::host
