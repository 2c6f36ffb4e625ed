#include "cli/provenance.hpp"

#include <nlohmann/json.hpp>

#include "base/hex.hpp"
#include "cli/document.hpp"
#include "host/merged_stream.hpp"
#include "plugin/producer.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

Json provenance_of(const host::Job& job) {
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
  for (const auto& global : manifest.globals) {
    document["globals"].push_back({{"name", global.name}, {"value", base::to_hex(global.value)}});
  }
  document.update(to_json(manifest.provenance));
  document["built_by"] = plugin::producer(job.directory.blob(manifest.plugin.sha256));
  for (const auto& axis : manifest.inputs.axes) {
    for (const auto& source : axis.sources) {
      if (const auto* seeds = std::get_if<bundle::Seeds>(&source.values)) document["seed"] = seeds->key;
    }
  }
  document["context"] = Json::parse(bundle::context_to_json(manifest.context));
  if (!manifest.parent.job.empty()) document["parent"] = manifest.parent.job;
  return document;
}

}  // namespace

Json to_json(const bundle::Blob& blob) {
  return {{"name", blob.name}, {"origin", blob.origin}, {"sha256", blob.sha256}, {"build_id", blob.build_id}};
}

Json to_json(const bundle::Provenance& provenance) {
  Json files = Json::array();
  for (const auto& file : provenance.files) files.push_back({{"path", file.path}, {"sha256", file.sha256}});
  return {{"compiler", provenance.compiler},   {"commit", provenance.commit}, {"dirty", provenance.dirty},
          {"processor", provenance.processor}, {"system", provenance.system}, {"files", std::move(files)}};
}

Json provenance_of(const std::vector<host::Job>& jobs) {
  Json document = {{"schema", "jobhost/1"}};
  document.update(provenance_of(jobs.at(0)));
  for (std::size_t i = 1; i < jobs.size(); ++i) {
    document["repeated_by"].push_back(provenance_of(jobs[i]));
  }
  return document;
}

}  // namespace jobhost::cli
