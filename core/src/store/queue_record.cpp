#include "store/queue_record.hpp"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/beneath.hpp"

namespace jobhost::store {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kLimit = 4 << 20;

}  // namespace

std::optional<QueueRecord> read_queue_record(base::Env& env, const JobDirectory& job) {
  if (!base::exists_beneath(env, job.queue())) return std::nullopt;
  const base::Bytes bytes = base::read_beneath(env, job.path(), job.queue(), kLimit);
  const Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  try {
    return QueueRecord{json.at("backend"), json.at("options"), json.at("ids")};
  } catch (const Json::exception&) {
    throw base::Error(base::ExitCode::kDamaged, "'" + job.queue() + "' does not say what queue the job is in",
                      "where no worker of the job waits in a queue, remove the file");
  }
}

void write_queue_record(base::Env& env, const JobDirectory& job, const QueueRecord& record) {
  const Json json = {{"backend", record.backend}, {"options", record.options}, {"ids", record.ids}};
  base::write_file_atomically(env, job.queue(),
                              base::as_bytes(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"), false);
}

}  // namespace jobhost::store
