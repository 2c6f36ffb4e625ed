#include "host/code.hpp"

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "plugin/producer.hpp"
#include "plugin/system_directories.hpp"

namespace jobhost::host {

std::string sound_code(base::Env& env, const store::JobDirectory& job, const bundle::Blob& blob) {
  const auto file = job.open_blob(env, blob.sha256);
  if (base::sha256_hex_of_file(env, file.fd(), file.path()) == blob.sha256) return file.path();
  throw base::Error(base::ExitCode::kDamaged, "'" + file.path() + "' (" + blob.name + ") does not match its digest",
                    "the job's copy of the code is damaged; submit the job again");
}

Code code_named(base::Env& env, const Job& job, const std::string& module) {
  std::vector<const bundle::Blob*> code = {&job.manifest.plugin};
  for (const auto& library : job.manifest.libraries) code.push_back(&library);
  for (const auto* blob : code) {
    if (module.find(blob->sha256) == std::string::npos) continue;
    try {
      return {sound_code(env, job.directory, *blob), true};
    } catch (const base::Error&) {
      return {"", true};
    }
  }
  // Whoever wrote the log chose the name: nothing else is opened because of it.
  return {plugin::belongs_to_system(module) ? module : "", false};
}

std::string built_by(base::Env& env, const Job& job) {
  try {
    return plugin::producer(sound_code(env, job.directory, job.manifest.plugin));
  } catch (const base::Error&) {
    return "";
  }
}

}  // namespace jobhost::host
