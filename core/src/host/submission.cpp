#include "host/submission.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "backend/backend.hpp"
#include "base/beneath.hpp"
#include "base/checksum.hpp"
#include "base/lag.hpp"
#include "base/real_path.hpp"
#include "base/utc.hpp"
#include "bundle/input_reader.hpp"
#include "bundle/pack.hpp"
#include "host/code.hpp"
#include "host/globals.hpp"
#include "host/initialiser.hpp"
#include "host/machine.hpp"
#include "host/merged_stream.hpp"
#include "host/named_files.hpp"
#include "jobhost/sdk/version.h"
#include "plugin/fit.hpp"
#include "plugin/inspect.hpp"
#include "schema/difference.hpp"
#include "schema/value.hpp"
#include "store/job_sync.hpp"
#include "store/party.hpp"

namespace jobhost::host {
namespace {

constexpr std::uint64_t kClaimsPerWorkerProcess = 64;
constexpr std::uint64_t kMaxClaims = 1 << 20;
constexpr std::uint64_t kLongLeaseMs = 90'000;  // more than file systems lag

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bundle::Blob keep(base::Env& env, const store::JobDirectory& job, const std::string& path, const std::string& name,
                  const std::string& build_id) {
  const auto [copy, sha256] = base::copy_hashed(env, base::File(env, path, O_RDONLY), job.blobs(), 0400);
  if (const int failure = env.rename(copy, job.blob(sha256)); failure < 0) {
    base::throw_file_error(failure, "rename to", job.blob(sha256));
  }
  return {sha256, name, base::real_path(path).value_or(path), build_id};
}

void keep_code(base::Env& env, const store::JobDirectory& job, const std::string& plugin, const LiveGlobal& live,
               bundle::Manifest& manifest) {
  manifest.plugin =
      keep(env, job, plugin, file_name(base::real_path(plugin).value_or(plugin)), plugin::read_build_id(env, plugin));
  const char* paths = std::getenv("LD_LIBRARY_PATH");
  for (const auto& library : plugin::find_dependencies(env, plugin, paths ? paths : "")) {
    if (const auto obstacle = plugin::travel_obstacle(env, plugin, library)) plugin::require_none({*obstacle});
    if (library.system) {
      manifest.system_libraries.push_back({library.soname, library.path, library.build_id});
    } else {
      manifest.libraries.push_back(keep(env, job, library.path, library.soname, library.build_id));
      if (live) {
        add_live_globals(plugin::read_schema(env, library.path), manifest.libraries.back(), live, manifest.globals);
      }
    }
  }
}

void copy_blob(base::Env& env, const store::JobDirectory& from, const store::JobDirectory& to,
               const bundle::Blob& blob) {
  const auto source = from.open_blob(env, blob.sha256);
  if (base::copy_verified(env, source, to.blob(blob.sha256), 0400, blob.sha256)) return;
  throw base::Error(base::ExitCode::kDamaged,
                    "'" + from.blob(blob.sha256) + "' (" + blob.name + ") does not match its digest",
                    "--plugin names a file to take instead");
}

/// What the plugin says of itself.
void keep_origin(const schema::Description& plugin, bundle::Manifest& manifest) {
  manifest.cpu_features = plugin.cpu_features;
  manifest.provenance.compiler = plugin.compiler;
  manifest.provenance.commit = plugin.commit;
  manifest.provenance.dirty = plugin.dirty;
}

/// Tasks per claim: enough claims that every worker process gets many, few enough that taking them costs nothing.
std::uint64_t claim_size(std::uint64_t tasks, unsigned worker_processes) {
  const std::uint64_t claims = std::min(kMaxClaims, kClaimsPerWorkerProcess * std::max(1u, worker_processes));
  return std::max<std::uint64_t>(1, (tasks + claims - 1) / claims);
}

/// Says of a new job who made it, where and when.
void sign(base::Env& env, const store::JobDirectory& directory, const std::vector<std::string>& command,
          bundle::Manifest& manifest) {
  manifest.job = file_name(directory.path());
  manifest.created = base::utc(env.wall_ns());
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  manifest.hostname = host;
  manifest.command = command;
  manifest.provenance.processor = processor_model();
  manifest.provenance.system = system_release();
  manifest.provenance.version = JOBHOST_VERSION;
}

/// How long a heart may stand still. Where machines share the job's file system they see it late.
std::uint64_t lease_ms(base::Env& env, const Job& job) {
  const bool here = backend::is_local(job.manifest.backend);
  return here && !base::may_lag(env, job.directory.path()) ? bundle::Manifest().lease_ms : kLongLeaseMs;
}

/// What cannot be removed either is left to `jobhost gc`: why the submission failed matters more.
void remove_unfinished(base::Env& env, const store::JobDirectory& directory) {
  try {
    base::remove_tree(env, directory.path());
  } catch (const base::Error&) {
  }
}

/// Makes a job's directory, has `fill` write into it, and writes MANIFEST. On any failure the directory is removed.
Job make_job(base::Env& env, store::Store& store, const std::function<void(Job&)>& fill) {
  Job job{store.create_job(), {}, {}};
  job.called = job.directory.path();
  try {
    base::write_file_atomically(env, job.directory.submitter(),
                                base::as_bytes(store::to_text(store::make_identity(env, "host"))), false, 0400);
    fill(job);
    job.manifest.lease_ms = lease_ms(env, job);
    const std::string json = bundle::to_json(job.manifest);
    job.manifest_sha256 = base::sha256_hex(base::as_bytes(json));
    const bool strict = job.manifest.sync == base::SyncPolicy::kStrict;
    if (strict) store::sync_code_and_inputs(env, job.directory);
    base::write_file_atomically(env, job.directory.voucher(job.manifest_sha256), {}, false, 0400);
    base::write_file_atomically(env, job.directory.manifest(), base::as_bytes(json), false, 0400);
    if (strict) store::sync_manifest(env, job.directory);
    env.remove(job.directory.submitter());
    return job;
  } catch (...) {
    remove_unfinished(env, job.directory);
    throw;
  }
}

/// The inputs of some tasks of a job, as rows of a pack of another one. Common values stay so, and are kept once.
bundle::Inputs copy_inputs(base::Env& env, const Job& parent, const std::vector<std::uint64_t>& tasks,
                           const std::string& directory) {
  const auto& kernel = parent.manifest.kernel;
  const std::vector<bool> common = bundle::common_parameters(parent.manifest.inputs, kernel);
  bundle::Inputs inputs;
  inputs.axes.push_back({tasks.size(), {}});
  std::vector<schema::Type> types;
  std::vector<std::uint32_t> varying;
  for (std::uint32_t p = 0; p < kernel.parameters.size(); ++p) {
    if (common[p]) continue;
    inputs.axes[0].sources.push_back({p, bundle::Stored{0, static_cast<std::uint32_t>(types.size())}});
    types.push_back(kernel.parameters[p].type);
    varying.push_back(p);
  }
  bundle::PackWriter rows(env, directory, bundle::pack_name(0), types);
  bundle::InputReader reader(env, parent.manifest.inputs, kernel, parent.directory.path());
  std::vector<jobhost_column> columns;
  for (const std::uint64_t task : tasks) {
    reader.read(task, 1, columns);
    for (std::uint32_t c = 0; c < varying.size(); ++c) rows.append(c, bundle::value_at(columns[varying[c]], 0));
    rows.end_row();
  }
  inputs.packs.push_back(rows.finish());
  for (std::uint32_t p = 0; p < common.size(); ++p) {
    if (!common[p]) continue;
    const auto number = static_cast<std::uint32_t>(inputs.packs.size());
    bundle::PackWriter pack(env, directory, bundle::pack_name(number), {kernel.parameters[p].type});
    pack.append(0, bundle::value_at(columns[p], 0));
    pack.end_row();
    inputs.packs.push_back(pack.finish());
    inputs.axes.push_back({1, {{p, bundle::Stored{number, 0}, true}}});
  }
  return inputs;
}

/// The function of a newer plugin that takes the place of `old`.
schema::Kernel successor(const schema::Kernel& old, const schema::Description& description, const std::string& path) {
  schema::Kernel fresh = plugin::find_kernel(description, old.name, path);
  const auto& fewer = fresh.fewer;
  if (std::find(fewer.begin(), fewer.end(), old.parameters.size()) != fewer.end()) {
    fresh = schema::with_fewer(fresh, old.parameters.size());
  }
  const std::string difference = schema::parameter_difference(old, fresh);
  if (difference.empty()) return fresh;
  throw base::Error(base::ExitCode::kPluginRefused,
                    "the parameters of '" + old.name + "' are others in '" + path + "': " + difference,
                    "then: " + old.signature + "\nnow:  " + fresh.signature);
}

/// What a global is called in newer code; its value is of no use to another type.
std::string renamed(const std::string& name, const schema::Description& old, const schema::Description& fresh,
                    const std::string& path) {
  const auto& was = variable_named(old, name);
  const auto& is = variable_named(fresh, name);
  if (was.type == is.type) return is.symbol;
  throw base::Error(base::ExitCode::kPluginRefused,
                    "the global '" + name + "' was " + schema::cpp_name(was.type) + " and is " +
                        schema::cpp_name(is.type) + " in '" + path + "'",
                    "submit again");
}

schema::Description description_of(base::Env& env, const store::JobDirectory& job,
                                   const std::vector<bundle::Blob>& libraries, const std::string& name) {
  for (const auto& library : libraries) {
    if (library.name != name) continue;
    const std::string schema = plugin::read_schema(env, sound_code(env, job, library));
    return schema.empty() ? schema::Description() : schema::parse_description(schema, library.origin);
  }
  return {};
}

/// What the parent's globals and initialiser are called in a newer plugin and the libraries that it brings.
void rename_symbols(base::Env& env, const Job& parent, const schema::Description& fresh, const std::string& path,
                    Job& job) {
  bundle::Manifest& manifest = job.manifest;
  bundle::Initialiser& init = manifest.init;
  if (manifest.globals.empty() && init.symbol.empty()) return;
  const auto old = plugin::describe(env, sound_code(env, parent.directory, parent.manifest.plugin));
  for (auto& global : manifest.globals) {
    const std::string& library = global.library;
    global.symbol = library.empty() ? renamed(global.name, old, fresh, path)
                                    : renamed(global.name,
                                              description_of(env, parent.directory, parent.manifest.libraries, library),
                                              description_of(env, job.directory, manifest.libraries, library), library);
  }
  if (init.symbol.empty()) return;
  schema::Kernel was = plugin::find_kernel(old, init.name, path);
  if (init.ends.size() < was.parameters.size()) was = schema::with_fewer(was, init.ends.size());
  init.symbol = successor(was, fresh, path).symbol;
}

/// Gives a job that repeats tasks of `parent` newer code.
void replace_code(base::Env& env, const Job& parent, const std::string& plugin, const std::string& named, Job& job) {
  bundle::Manifest& manifest = job.manifest;
  const auto description = plugin::describe(env, plugin);
  manifest.kernel = successor(manifest.kernel, description, named);
  keep_origin(description, manifest);
  manifest.libraries.clear();
  manifest.system_libraries.clear();
  keep_code(env, job.directory, plugin, nullptr, manifest);
  rename_symbols(env, parent, description, named, job);
}

}  // namespace

void require_own_globals(bool isolate_globals, const std::string& backend, unsigned lanes) {
  if (!isolate_globals || backend != "threads" || lanes <= 1) return;
  throw base::Error(base::ExitCode::kUsage,
                    "threads share their globals, so these cannot be restored before every task",
                    "use the backend 'processes', or one lane (-j 1)");
}

Job submit(base::Env& env, store::Store& store, const JobSpec& spec) {
  require_own_globals(spec.isolate_globals, spec.backend, spec.workers);
  const auto description = spec.entry ? plugin::describe_program(env, spec.plugin) : plugin::describe(env, spec.plugin);
  const auto& kernel = spec.entry ? *spec.entry : plugin::find_kernel(description, spec.kernel, spec.named);
  return make_job(env, store, [&](Job& job) {
    bundle::Manifest& manifest = job.manifest;
    sign(env, job.directory, spec.command, manifest);
    manifest.label = spec.label;
    manifest.kernel = kernel;
    manifest.inputs = spec.inputs(manifest.kernel, job.directory.path());
    manifest.tasks = bundle::task_count(manifest.inputs);
    manifest.claim = claim_size(manifest.tasks, spec.worker_processes);
    manifest.chunk = spec.chunk;
    manifest.reused = spec.reuse;
    manifest.open = spec.open;
    manifest.backend = spec.backend;
    manifest.backend_options = spec.backend_options;
    manifest.auto_resubmit = spec.auto_resubmit;
    manifest.workers = spec.workers;
    manifest.retries = spec.retries;
    manifest.timeout_ms = spec.timeout_ms;
    manifest.memory = spec.memory;
    manifest.sync = spec.sync;
    manifest.exact_system_libraries = spec.exact_libraries;
    manifest.globals = merged_globals(description, spec.session, spec.globals);
    manifest.isolate_globals = spec.isolate_globals;
    const bool any_declared = std::any_of(description.globals.begin(), description.globals.end(),
                                          [](const schema::Variable& global) { return global.declared; });
    if (spec.isolate_globals && !spec.entry && manifest.globals.empty() && !any_declared) {
      throw base::Error(base::ExitCode::kUsage, "no global is captured that could be isolated",
                        "declare those that tasks change (GLOBALS in CMake, or --global NAME), or --set them");
    }
    manifest.init = spec.init_entry ? *spec.init_entry : initialiser_of(description, spec.init, spec.named);
    if (spec.input_files) manifest.provenance.files = spec.input_files(manifest, description);
    keep_origin(description, manifest);
    manifest.output = spec.output;
    manifest.context = context::capture(spec.wishes);
    keep_code(env, job.directory, spec.plugin, spec.live_global, manifest);
    require_room(manifest.globals);
  });
}

Job resubmit(base::Env& env, store::Store& store, const Job& parent, const std::vector<std::uint64_t>& tasks,
             const std::string& plugin, const std::vector<std::string>& command, const Changes& changes) {
  return make_job(env, store, [&](Job& job) {
    bundle::Manifest& manifest = job.manifest = parent.manifest;
    sign(env, job.directory, command, manifest);
    manifest.parent = {parent.manifest.job, tasks};
    manifest.inputs = copy_inputs(env, parent, tasks, job.directory.path());
    manifest.tasks = tasks.size();
    manifest.claim = claim_size(manifest.tasks, 1);
    manifest.output = {};
    manifest.reused = false;
    if (!changes.backend.empty()) {
      manifest.backend = changes.backend;
      manifest.backend_options = changes.backend_options;
      manifest.auto_resubmit = changes.auto_resubmit;
    }
    if (changes.workers > 0) manifest.workers = changes.workers;
    if (!changes.label.empty()) manifest.label = changes.label;
    manifest.timeout_ms = changes.timeout_ms.value_or(manifest.timeout_ms);
    manifest.memory = changes.memory.value_or(manifest.memory);
    manifest.retries = changes.retries.value_or(manifest.retries);
    if (manifest.label == audit_label(parent.manifest.job)) {
      base::write_file_atomically(env, job.directory.audit(), {}, false);
    }
    if (plugin.empty()) {
      for (const auto& library : manifest.libraries) copy_blob(env, parent.directory, job.directory, library);
      copy_blob(env, parent.directory, job.directory, manifest.plugin);
    } else {
      replace_code(env, parent, plugin, changes.named.empty() ? plugin : changes.named, job);
    }
    if (changes.new_digests) manifest.provenance.files = files_of_now(env, job);
  });
}

/// Jobs that an older version submitted have none.
bool has_voucher(base::Env& env, const store::JobDirectory& directory) {
  const auto names = base::list_beneath(env, directory.host());
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.starts_with("manifest.") && name.size() == 73; });
}

Job open_job(base::Env& env, const store::JobDirectory& directory) {
  store::require_trusted(env, directory);
  const base::Bytes json = base::read_beneath(env, directory.path(), directory.manifest(), bundle::kManifestLimit);
  Job job{directory, base::sha256_hex(json), {}, directory.path()};
  if (!base::exists_beneath(env, directory.voucher(job.manifest_sha256)) && has_voucher(env, directory)) {
    throw base::Error(base::ExitCode::kDamaged, "'" + directory.manifest() + "' is not as it was submitted",
                      "its SHA-256 is not the one that host/manifest.* is named after; restore it from a copy");
  }
  job.manifest = bundle::manifest_from_json(std::string(base::as_text(json)), directory.manifest());
  if (store::is_job_name(job.manifest.job)) return job;
  throw base::Error(base::ExitCode::kDamaged,
                    "'" + directory.manifest() + "' is damaged: '" + job.manifest.job + "' is no name of a job",
                    "the job cannot be used; submit it again");
}

store::Found find_job(base::Env& env, store::Store& store, const std::string& name) {
  return store.find(name, [&](const store::JobDirectory& directory) {
    try {
      const bundle::Manifest manifest = open_job(env, directory).manifest;
      return manifest.parent.job.empty() ? manifest.label : "";  // a job that repeats tasks has it from the first one
    } catch (const base::Error&) {
      return std::string();  // it goes by its id only
    }
  });
}

}  // namespace jobhost::host
