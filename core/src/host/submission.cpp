#include "host/submission.hpp"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/suggest.hpp"
#include "context/process_context.hpp"
#include "plugin/inspect.hpp"
#include "schema/value.hpp"

namespace jobhost::host {
namespace {

constexpr std::uint64_t kClaimsPerWorkerProcess = 64;
constexpr std::uint64_t kMaxClaims = 1 << 20;
constexpr std::uint64_t kCodeLimit = 4ULL << 30;

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string absolute(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) ? resolved : path;
}

std::string utc(std::uint64_t wall_ns) {
  const auto seconds = static_cast<std::time_t>(wall_ns / 1'000'000'000ULL);
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &broken);
  return text;
}

bundle::Blob keep(base::Env& env, const store::JobDirectory& job, const std::string& path, const std::string& name,
                  const std::string& build_id) {
  const base::Bytes code = base::read_file(env, path, kCodeLimit);
  bundle::Blob blob{base::sha256_hex(code), name, absolute(path), build_id};
  if (!base::exists(env, job.blob(blob.sha256))) {
    base::write_file_atomically(env, job.blob(blob.sha256), code, false, 0400);
  }
  return blob;
}

void keep_code(base::Env& env, const store::JobDirectory& job, const std::string& plugin, bundle::Manifest& manifest) {
  manifest.plugin = keep(env, job, plugin, file_name(absolute(plugin)), plugin::read_elf(env, plugin).build_id);
  const char* paths = std::getenv("LD_LIBRARY_PATH");
  for (const auto& library : plugin::find_dependencies(env, plugin, paths ? paths : "")) {
    if (library.path.empty()) {
      throw base::Error(base::ExitCode::kPluginRefused,
                        "'" + plugin + "' needs '" + library.soname + "', which is not found",
                        "install it, or rebuild the plugin with a RUNPATH that leads to it");
    }
    if (library.system) {
      manifest.system_libraries.push_back({library.soname, library.path, library.build_id});
    } else {
      manifest.libraries.push_back(keep(env, job, library.path, library.soname, library.build_id));
    }
  }
}

bundle::Global global_of(const schema::Description& plugin, const std::string& name, const std::string& text) {
  std::vector<std::string> names;
  for (const auto& global : plugin.globals) {
    if (global.name != name) {
      names.push_back(global.name);
      continue;
    }
    bundle::Global found{name, global.symbol, {}};
    const std::string why = schema::encode_text(global.type, text, found.value);
    if (why.empty()) return found;
    throw base::Error(base::ExitCode::kUsage, "global '" + name + "': " + why,
                      "it is of type " + schema::cpp_name(global.type));
  }
  const auto near = base::nearest(name, names);
  std::string all;
  for (const auto& known : names) all += (all.empty() ? "" : ", ") + known;
  throw base::Error(base::ExitCode::kUsage, "the plugin has no global variable '" + name + "' that can be set",
                    near ? "did you mean '" + *near + "'?" : all.empty() ? "" : "there are: " + all);
}

/// Tasks per claim: enough claims that every worker process gets many, few enough that taking them costs nothing.
std::uint64_t claim_size(std::uint64_t tasks, unsigned worker_processes) {
  const std::uint64_t claims = std::min(kMaxClaims, kClaimsPerWorkerProcess * std::max(1u, worker_processes));
  return std::max<std::uint64_t>(1, (tasks + claims - 1) / claims);
}

}  // namespace

Job submit(base::Env& env, store::Store& store, const JobSpec& spec) {
  const auto description = plugin::describe(env, spec.plugin);
  const auto& kernel = plugin::find_kernel(description, spec.kernel, spec.plugin);
  const store::JobDirectory directory = store.create_job();
  try {
    Job job{directory, {}, {}};
    bundle::Manifest& manifest = job.manifest;
    manifest.job = file_name(directory.path());
    manifest.label = spec.label;
    manifest.created = utc(env.wall_ns());
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    manifest.hostname = host;
    manifest.command = spec.command;
    manifest.kernel = kernel;
    manifest.inputs = spec.inputs(manifest.kernel, directory.path());
    manifest.tasks = bundle::task_count(manifest.inputs);
    manifest.claim = claim_size(manifest.tasks, spec.worker_processes);
    manifest.chunk = spec.chunk;
    manifest.backend = spec.backend;
    manifest.workers = spec.workers;
    manifest.retries = spec.retries;
    manifest.timeout_ms = spec.timeout_ms;
    manifest.memory = spec.memory;
    for (const auto& [name, text] : spec.globals) manifest.globals.push_back(global_of(description, name, text));
    manifest.parent = spec.parent;
    manifest.output = spec.output;
    const auto context = context::capture();
    manifest.working_directory = context.working_directory;
    manifest.umask = context.umask;
    keep_code(env, directory, spec.plugin, manifest);
    const std::string json = bundle::to_json(manifest);
    job.manifest_sha256 = base::sha256_hex(base::as_bytes(json));
    base::write_file_atomically(env, directory.manifest(), base::as_bytes(json), false, 0400);
    return job;
  } catch (...) {
    base::remove_tree(env, directory.path());
    throw;
  }
}

Job open_job(base::Env& env, const store::JobDirectory& directory) {
  const base::Bytes json = base::read_file(env, directory.manifest(), bundle::kManifestLimit);
  Job job{directory, base::sha256_hex(json), {}};
  job.manifest = bundle::manifest_from_json(std::string(base::as_text(json)), directory.manifest());
  return job;
}

}  // namespace jobhost::host
