#include "store/refusals.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/beneath.hpp"
#include "base/json_checks.hpp"
#include "store/epoch.hpp"
#include "store/seal.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kLimit = 64 << 10;  // bytes of a refusal
constexpr std::string_view kEnding = ".refused";

std::string hostname() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

void add(base::Env& env, const JobDirectory& job, const std::string& id, const Refusal& refusal) {
  try {
    if (!base::exists(env, job.workers())) return;
    nlohmann::ordered_json json = {{"hostname", refusal.hostname},
                                   {"boot", refusal.boot},
                                   {"owners", owners_of(env, job)},
                                   {"code", refusal.code},
                                   {"reason", refusal.reason}};
    if (!refusal.node.empty()) json["node"] = refusal.node;
    const std::string folder = job.workers() + "/" + id.substr(0, 2);
    base::write_file_atomically(env, job.refusals(), {}, false);  // first, so that workers look for the other
    base::make_directories_beneath(env, job.path(), folder);
    const std::string text = sealed(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + "\n";
    base::write_file_atomically(env, folder + "/" + id + std::string(kEnding), base::as_bytes(text), false);
  } catch (const base::Error&) {
  }
}

}  // namespace

std::uint64_t owners_of(base::Env& env, const JobDirectory& job) {
  const auto latest = latest_epoch(env, job);
  return latest ? *latest + 1 : 0;
}

void add_refusal(base::Env& env, const JobDirectory& job, const std::optional<Identity>& known, int code,
                 const std::string& reason) {
  const char* node = std::getenv("SLURMD_NODENAME");
  add(env, job, known ? known->id : base::random_hex(env, 16),
      {known ? known->hostname : hostname(), known ? known->boot : "", 0, code, reason, node ? node : ""});
}

void add_refusal_of_node(base::Env& env, const JobDirectory& job, const std::string& node, int code,
                         const std::string& reason) {
  add(env, job, base::random_hex(env, 16), {node, "", 0, code, reason, node});
}

bool any_refused(base::Env& env, const JobDirectory& job) {
  const auto names = base::names_in(env, job.host());
  return std::binary_search(names.begin(), names.end(), job.refusals().substr(job.host().size() + 1));
}

std::vector<Refusal> read_refusals(base::Env& env, const JobDirectory& job) {
  std::vector<Refusal> refusals;
  const std::uint64_t owners = owners_of(env, job);
  for (const auto& folder : base::list_beneath(env, job.workers())) {
    if (!is_party_folder(folder)) continue;
    const std::string within = job.workers() + "/" + folder;
    for (const auto& name : base::list_beneath(env, within)) {
      if (!name.ends_with(kEnding) || !is_party_id(name.substr(0, name.size() - kEnding.size()))) continue;
      const base::Bytes bytes = base::read_beneath(env, job.path(), within + "/" + name, kLimit);
      const auto text = base::as_text(bytes);
      if (seal_of(std::string(text.substr(0, text.find('\n')))) == Seal::kWrong) continue;
      const auto json = nlohmann::json::parse(text, nullptr, false);
      if (!json.is_object()) continue;
      try {
        Refusal refusal{json.at("hostname"),
                        json.at("boot"),
                        base::whole_number<std::uint64_t>(json.at("owners")),
                        base::whole_number<int>(json.at("code")),
                        json.at("reason"),
                        json.value("node", std::string())};
        if (refusal.owners == owners) refusals.push_back(std::move(refusal));
      } catch (const base::Malformed&) {
      } catch (const nlohmann::json::exception&) {
      }
    }
  }
  return refusals;
}

}  // namespace jobhost::store
