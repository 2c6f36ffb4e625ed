#include "cli/job_document.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/trust.hpp"
#include "cli/captured_words.hpp"
#include "cli/context_words.hpp"
#include "cli/document.hpp"
#include "cli/job_names.hpp"
#include "cli/node_table.hpp"
#include "cli/provenance.hpp"
#include "cli/queue_words.hpp"
#include "host/code.hpp"
#include "host/nodes.hpp"
#include "host/notes.hpp"
#include "host/reuse.hpp"

namespace jobhost::cli {

using Json = nlohmann::ordered_json;

Json job_document(base::Env& env, const host::Job& job, const std::string& state, const host::ResultStream& stream,
                  const std::vector<std::string>& damage, bool verbose) {
  const auto& manifest = job.manifest;
  Json libraries = Json::array(), system = Json::array(), globals = Json::array();
  for (const auto& global : manifest.globals) globals.push_back(global.name);
  for (const auto& library : manifest.libraries) libraries.push_back(to_json(library));
  for (const auto& library : manifest.system_libraries) {
    system.push_back({{"name", library.soname}, {"path", library.path}, {"build_id", library.build_id}});
  }
  Json document = {{"job", manifest.job},
                   {"label", manifest.label},
                   {"state", state},
                   {"kernel", to_json(manifest.kernel)},
                   {"tasks", manifest.tasks},
                   {"done", stream.done()},
                   {"failed", stream.failed()},
                   {"ran_twice", stream.duplicates()},
                   {"created", manifest.created},
                   {"hostname", manifest.hostname},
                   {"backend", manifest.backend},
                   {"workers", manifest.workers},
                   {"retries", manifest.retries},
                   {"timeout", static_cast<double>(manifest.timeout_ms) * 1e-3},
                   {"memory", manifest.memory},
                   {"globals", std::move(globals)},
                   {"parent", manifest.parent.job},
                   {"parent_tasks", manifest.parent.tasks},
                   {"directory", job.directory.path()},
                   {"working_directory", manifest.context.working_directory},
                   {"plugin", to_json(manifest.plugin)},
                   {"libraries", std::move(libraries)},
                   {"system_libraries", std::move(system)},
                   {"command", manifest.command}};
  if (manifest.exact_system_libraries) document["exact_libraries"] = true;
  if (manifest.provenance != bundle::Provenance()) document["provenance"] = to_json(manifest.provenance);
  if (manifest.context.whole) {
    const auto descriptions = host::descriptions_of(env, job);
    if (!manifest.globals.empty()) {
      document["global_values"] = values_json(host::captured_globals(manifest, descriptions));
    }
    if (manifest.isolate_globals) document["isolate_globals"] = true;
    if (Json init = init_json(manifest, descriptions); !init.is_null()) document["init"] = std::move(init);
    if (const std::string seed = seed_of(manifest); !seed.empty()) document["seed"] = Json::parse(seed);
    if (manifest.reused) document["reused"] = host::reused_tasks(env, job);
    document["built_by"] = host::built_by(env, job);
    document["context"] = Json::parse(bundle::context_to_json(manifest.context));
  }
  if (const auto notes = host::notes_of(env, job); !notes.empty()) document["notes"] = notes;
  Json nodes = Json::array(), refusals = Json::array();
  for (const auto& node : host::nodes_of(env, job, stream)) {
    nodes.push_back(node_json(node, verbose));
    if (!node.refusals) continue;
    const auto& some = *node.refusals;
    refusals.push_back(
        {{"hostname", some.hostname}, {"reason", some.reason}, {"code", some.code}, {"workers", some.workers}});
  }
  document["nodes"] = std::move(nodes);
  if (const auto queue = queue_of(env, job, state)) document["queue"] = to_json(*queue);
  if (!damage.empty()) document["damage"] = damage;
  if (!refusals.empty()) document["refusals"] = std::move(refusals);
  return document;
}

Json jobs_document(Session& session) {
  store::Store store = session.store();
  Json jobs = Json::array();
  for (const auto& id : store.jobs()) {
    try {
      const host::Job job = host::open_job(session.env, store::JobDirectory(store.path() + "/" + id));
      const auto& manifest = job.manifest;
      host::ResultStream stream(session.env, job);
      stream.read_all();
      jobs.push_back({{"job", id},
                      {"kernel", manifest.kernel.name},
                      {"state", state_of(session.env, job, stream)},
                      {"tasks", manifest.tasks},
                      {"done", stream.done()},
                      {"failed", stream.failed()},
                      {"created", manifest.created},
                      {"label", manifest.label},
                      {"parent", manifest.parent.job}});
    } catch (const base::Error& error) {
      if (!store::is_job(session.env, store::JobDirectory(store.path() + "/" + id))) continue;  // removed meanwhile
      const char* state = dynamic_cast<const base::Distrust*>(&error) ? "refused"
                          : error.code() == base::ExitCode::kDamaged  ? "damaged"
                                                                      : "unreadable";
      jobs.push_back({{"job", id}, {"state", state}, {"error", error.what()}});
    }
  }
  return {{"store", store.path()}, {"jobs", std::move(jobs)}};
}

}  // namespace jobhost::cli
