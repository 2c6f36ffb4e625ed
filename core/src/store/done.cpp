#include "store/done.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>

#include "base/file.hpp"
#include "store/seal.hpp"

namespace jobhost::store {
namespace {

std::string json(const Done& done) {
  return "{\"tasks\": " + std::to_string(done.tasks) + ", \"ok\": " + std::to_string(done.ok) +
         ", \"failed\": " + std::to_string(done.failed) + ", \"finished_ns\": " + std::to_string(done.finished_ns) +
         "}";
}

}  // namespace

void write_done(base::Env& env, const JobDirectory& job, const std::string& id, std::uint64_t ok, std::uint64_t failed,
                bool durable) {
  const std::string text = sealed(json({ok + failed, ok, failed, env.wall_ns()})) + "\n";
  const std::string fresh = job.done() + "." + id;
  base::File file(env, fresh, O_WRONLY | O_CREAT | O_EXCL);
  file.write(base::as_bytes(text));
  if (durable) file.sync();
  file.close();
  const int answer = env.link(fresh, job.done());  // whoever is first: all say the same
  env.remove(fresh);
  if (answer < 0 && answer != -EEXIST && !job.is_done(env)) base::throw_file_error(answer, "link", job.done());
  if (durable) base::sync_directory(env, job.path());
}

std::optional<Done> done_from_text(std::string_view text) {
  Done done;
  const int fields =
      std::sscanf(std::string(text).c_str(),
                  "{\"tasks\": %" SCNu64 ", \"ok\": %" SCNu64 ", \"failed\": %" SCNu64 ", \"finished_ns\": %" SCNu64,
                  &done.tasks, &done.ok, &done.failed, &done.finished_ns);
  if (fields != 4 || (text != sealed(json(done)) + "\n" && text != json(done) + "\n")) return std::nullopt;
  return done;
}

}  // namespace jobhost::store
