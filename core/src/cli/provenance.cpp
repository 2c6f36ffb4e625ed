#include "cli/provenance.hpp"

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/beneath.hpp"
#include "cli/captured_words.hpp"
#include "cli/document.hpp"
#include "host/code.hpp"
#include "host/merged_stream.hpp"
#include "host/notes.hpp"
#include "host/reuse.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

/// When the last task was done, in the form of "created"; "" for unfinished jobs.
std::string finished(base::Env& env, const host::Job& job) {
  if (!job.directory.is_done(env)) return "";
  const base::Bytes bytes = base::read_beneath(env, job.directory.path(), job.directory.done(), 1 << 16);
  const Json done = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!done.is_object() || !done.contains("finished_ns") || !done["finished_ns"].is_number_unsigned()) return "";
  const auto seconds = static_cast<std::time_t>(done["finished_ns"].get<std::uint64_t>() / 1'000'000'000);
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &broken);
  return text;
}

Json provenance_of(base::Env& env, const host::Job& job) {
  const bundle::Manifest& manifest = job.manifest;
  Json document = {
      {"job", manifest.job},           {"label", manifest.label},         {"created", manifest.created},
      {"hostname", manifest.hostname}, {"command", manifest.command},     {"kernel", to_json(manifest.kernel)},
      {"tasks", manifest.tasks},       {"code", host::code_of(manifest)}, {"plugin", to_json(manifest.plugin)}};
  document["libraries"] = document["system_libraries"] = document["globals"] = Json::array();
  for (const auto& library : manifest.libraries) document["libraries"].push_back(to_json(library));
  for (const auto& library : manifest.system_libraries) {
    document["system_libraries"].push_back(
        {{"name", library.soname}, {"path", library.path}, {"build_id", library.build_id}});
  }
  const auto descriptions = host::descriptions_of(env, job);
  for (const auto& global : host::captured_globals(manifest, descriptions)) {
    document["globals"].push_back({{"name", global.name}, {"value", value_json(global)}});
    if (!global.library.empty()) document["globals"].back()["library"] = global.library;
  }
  document["isolate_globals"] = manifest.isolate_globals;
  if (Json init = init_json(manifest, descriptions); !init.is_null()) document["init"] = std::move(init);
  document["backend"] = manifest.backend;
  document["workers"] = manifest.workers;
  if (const std::string when = finished(env, job); !when.empty()) document["finished"] = when;
  document.update(to_json(manifest.provenance));
  document["built_by"] = host::built_by(env, job);
  for (const auto& axis : manifest.inputs.axes) {
    for (const auto& source : axis.sources) {
      if (const auto* seeds = std::get_if<bundle::Seeds>(&source.values)) document["seed"] = seeds->key;
    }
  }
  document["context"] = Json::parse(bundle::context_to_json(manifest.context));
  if (manifest.reused) document["reused"] = host::reused_tasks(env, job);
  document["notes"] = host::notes_of(env, job);
  if (!manifest.parent.job.empty()) document["parent"] = manifest.parent.job;
  return document;
}

}  // namespace

Json to_json(const bundle::Blob& blob) {
  return {{"name", blob.name}, {"origin", blob.origin}, {"sha256", blob.sha256}, {"build_id", blob.build_id}};
}

Json to_json(const bundle::Provenance& provenance) {
  Json files = Json::array();
  for (const auto& file : provenance.files) {
    files.push_back({{"path", file.path}, {"sha256", file.sha256}});
    if (const std::string word = bundle::word_of(file.read_by); !word.empty()) files.back()["read_by"] = word;
  }
  Json document = {{"compiler", provenance.compiler},   {"commit", provenance.commit}, {"dirty", provenance.dirty},
                   {"processor", provenance.processor}, {"system", provenance.system}, {"files", std::move(files)}};
  if (!provenance.version.empty()) document["jobhost"] = provenance.version;
  return document;
}

Json provenance_of(base::Env& env, const Written& written) {
  const auto& jobs = written.jobs;
  Json document = {{"schema", "jobhost/1"},
                   {"rows", written.rows},
                   {"complete", written.rows == jobs.at(0).manifest.tasks},
                   {"failed", written.failed}};
  document.update(provenance_of(env, jobs.at(0)));
  for (std::size_t i = 1; i < jobs.size(); ++i) {
    document["repeated_by"].push_back(provenance_of(env, jobs[i]));
  }
  return document;
}

}  // namespace jobhost::cli
