#include "host/reuse.hpp"
#include "store/log_reader.hpp"
#include "store/party.hpp"

namespace jobhost::host {

std::uint64_t reused_tasks(base::Env& env, const Job& job) {
  std::uint64_t tasks = 0;
  if (!job.manifest.reused) return tasks;
  for (const auto& party : store::all_parties(env, job.directory)) {
    if (party.role != "host") continue;
    store::LogReader log(env, job.directory.logs() + "/" + party.id.substr(0, 2) + "/" + party.id + ".0.0",
                         store::binary_id(job.manifest_sha256), job.directory.path());
    while (const auto frame = log.next()) {
      if (static_cast<store::FrameKind>(frame->header.kind) == store::FrameKind::kResults) tasks += frame->header.count;
    }
  }
  return tasks;
}

}  // namespace jobhost::host
