#include "store/done.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/file.hpp"

namespace jobhost::store {

void write_done(base::Env& env, const JobDirectory& job, const std::string& id, std::uint64_t ok, std::uint64_t failed,
                bool durable) {
  const std::string text = "{\"tasks\": " + std::to_string(ok + failed) + ", \"ok\": " + std::to_string(ok) +
                           ", \"failed\": " + std::to_string(failed) +
                           ", \"finished_ns\": " + std::to_string(env.wall_ns()) + "}\n";
  const std::string fresh = job.done() + "." + id;
  base::File file(env, fresh, O_WRONLY | O_CREAT | O_EXCL);
  file.write(base::as_bytes(text));
  if (durable) file.sync();
  file.close();
  env.link(fresh, job.done());  // whoever is first: all say the same
  env.remove(fresh);
  if (!base::exists(env, job.done())) base::throw_file_error(-EIO, "link", job.done());
  if (durable) base::sync_directory(env, job.path());
}

}  // namespace jobhost::store
