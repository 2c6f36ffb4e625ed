#include "store/refusals.hpp"

#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "store/epoch.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kLimit = 64 << 10;  // bytes of a refusal
constexpr std::string_view kEnding = ".refused";

}  // namespace

std::uint64_t owners_of(base::Env& env, const JobDirectory& job) {
  const auto latest = latest_epoch(env, job);
  return latest ? *latest + 1 : 0;
}

void add_refusal(base::Env& env, const JobDirectory& job, const Identity& worker, int code, const std::string& reason) {
  const nlohmann::ordered_json json = {{"hostname", worker.hostname},
                                       {"boot", worker.boot},
                                       {"owners", owners_of(env, job)},
                                       {"code", code},
                                       {"reason", reason}};
  const std::string folder = job.workers() + "/" + worker.id.substr(0, 2);
  try {
    base::make_directories(env, folder);
    const std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    base::write_file_atomically(env, folder + "/" + worker.id + std::string(kEnding), base::as_bytes(text), false);
  } catch (const base::Error&) {
  }
}

std::vector<Refusal> read_refusals(base::Env& env, const JobDirectory& job) {
  std::vector<Refusal> refusals;
  std::vector<std::string> folders, names;
  const std::uint64_t owners = owners_of(env, job);
  env.list(job.workers(), folders);
  for (const auto& folder : folders) {
    env.list(job.workers() + "/" + folder, names);
    for (const auto& name : names) {
      if (!name.ends_with(kEnding)) continue;
      const base::Bytes bytes = base::read_file(env, job.workers() + "/" + folder + "/" + name, kLimit);
      const auto json = nlohmann::json::parse(base::as_text(bytes), nullptr, false);
      if (!json.is_object()) continue;
      try {
        Refusal refusal{json.at("hostname"), json.at("boot"), json.at("owners"), json.at("code"), json.at("reason")};
        if (refusal.owners == owners) refusals.push_back(std::move(refusal));
      } catch (const nlohmann::json::exception&) {
      }
    }
  }
  return refusals;
}

}  // namespace jobhost::store
