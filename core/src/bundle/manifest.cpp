#include "bundle/manifest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/json_checks.hpp"
#include "bundle/inputs_json.hpp"

namespace jobhost::bundle {
namespace {

using base::Malformed;
using base::whole_number;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxClaims = 1 << 20;  // each is a name in a directory

Json blob_json(const Blob& blob) {
  return {{"sha256", blob.sha256}, {"name", blob.name}, {"origin", blob.origin}, {"build_id", blob.build_id}};
}

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw base::Error(base::ExitCode::kDamaged, "'" + where + "' is damaged: " + why,
                    "the job cannot be used; submit it again");
}

Blob blob_from(const Json& json) {
  Blob blob{json.at("sha256"), json.at("name"), json.at("origin"), json.at("build_id")};
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (blob.sha256.size() != 64 || !std::all_of(blob.sha256.begin(), blob.sha256.end(), is_digit)) {
    throw Malformed{"'" + blob.sha256 + "' is not a SHA-256"};
  }
  if (blob.name.empty() || blob.name[0] == '.' || blob.name.find('/') != std::string::npos) {
    throw Malformed{"'" + blob.name + "' is not a file name"};
  }
  return blob;
}

Json init_json(const Initialiser& init) {
  return {
      {"name", init.name}, {"symbol", init.symbol}, {"arguments", base::to_hex(init.arguments)}, {"ends", init.ends}};
}

std::vector<std::uint64_t> numbers_from(const Json& json) {
  if (!json.is_array()) throw Malformed{"a list of numbers is missing"};
  std::vector<std::uint64_t> numbers;
  for (const auto& number : json) numbers.push_back(whole_number<std::uint64_t>(number));
  return numbers;
}

Initialiser init_from(const Json& json) {
  Initialiser init{json.at("name"), json.at("symbol"), base::from_hex(json.at("arguments")),
                   numbers_from(json.at("ends"))};
  const bool in_order = std::is_sorted(init.ends.begin(), init.ends.end());
  if (!in_order || (init.ends.empty() ? 0 : init.ends.back()) != init.arguments.size()) {
    throw Malformed{"the arguments of the initialiser do not end where they are said to"};
  }
  return init;
}

using ReadBy = InputFile::ReadBy;

Json provenance_json(const Provenance& provenance) {
  Json files = Json::array();
  for (const auto& file : provenance.files) {
    files.push_back({{"path", file.path}, {"sha256", file.sha256}});
    if (const char* word = word_of(file.read_by); *word != '\0') files.back()["read_by"] = word;
  }
  return {{"compiler", provenance.compiler},   {"commit", provenance.commit}, {"dirty", provenance.dirty},
          {"processor", provenance.processor}, {"system", provenance.system}, {"files", std::move(files)},
          {"jobhost", provenance.version}};
}

Provenance provenance_from(const Json& json) {
  Provenance provenance{json.at("compiler"),  json.at("commit"), json.at("dirty"),
                        json.at("processor"), json.at("system"), {}};
  for (const auto& file : json.at("files")) {
    const std::string read_by = file.value("read_by", std::string());
    provenance.files.push_back({file.at("path"), file.at("sha256"),
                                read_by == word_of(ReadBy::kTasks)       ? ReadBy::kTasks
                                : read_by == word_of(ReadBy::kEveryTask) ? ReadBy::kEveryTask
                                                                         : ReadBy::kHost});
  }
  provenance.version = json.value("jobhost", std::string());
  return provenance;
}

Manifest from(const Json& json) {
  Manifest manifest;
  manifest.job = json.at("job");
  manifest.label = json.at("label");
  manifest.created = json.at("created");
  manifest.hostname = json.at("hostname");
  manifest.command = json.at("command");
  manifest.plugin = blob_from(json.at("plugin"));
  for (const auto& library : json.at("libraries")) manifest.libraries.push_back(blob_from(library));
  for (const auto& library : json.at("system_libraries")) {
    manifest.system_libraries.push_back({library.at("soname"), library.at("path"), library.at("build_id")});
  }
  manifest.kernel = schema::kernel_from_json(json.at("kernel").dump(), "kernel");
  manifest.inputs = inputs_from_json(json.at("inputs").dump(), "inputs");
  manifest.tasks = whole_number<std::uint64_t>(json.at("tasks"));
  manifest.open = json.at("open");
  manifest.claim = whole_number<std::uint64_t>(json.at("claim"));
  manifest.chunk = whole_number<std::uint64_t>(json.at("chunk"));
  manifest.backend = json.at("backend");
  manifest.backend_options = json.value("backend_options", std::vector<std::string>());
  manifest.auto_resubmit = json.value("auto_resubmit", false);
  manifest.workers = whole_number<std::uint32_t>(json.at("workers"));
  manifest.retries = whole_number<std::uint32_t>(json.at("retries"));
  manifest.timeout_ms = whole_number<std::uint64_t>(json.at("timeout_ms"));
  manifest.memory = whole_number<std::uint64_t>(json.at("memory"));
  manifest.lease_ms = whole_number<std::uint64_t>(json.at("lease_ms"));
  const auto sync = base::sync_policy_of(json.value("sync", base::word_of(base::SyncPolicy::kProcess)));
  if (!sync) throw Malformed{"'sync' is none of process, batch and strict"};
  manifest.sync = *sync;
  const Json& context = json.at("context");
  manifest.context = context_from_json(context.dump());
  for (const auto& global : context.at("globals")) {
    manifest.globals.push_back({global.at("name"), global.at("symbol"), base::from_hex(global.at("value")),
                                global.value("library", std::string())});
  }
  manifest.isolate_globals = context.value("isolate_globals", false);
  if (context.contains("init")) manifest.init = init_from(context.at("init"));
  for (const auto& feature : json.value("cpu_features", Json::array())) manifest.cpu_features.push_back(feature);
  manifest.exact_system_libraries = json.value("exact_system_libraries", false);
  manifest.reused = json.value("reused", false);
  if (json.contains("provenance")) manifest.provenance = provenance_from(json.at("provenance"));
  manifest.parent = {json.at("parent").at("job"), numbers_from(json.at("parent").at("tasks"))};
  manifest.output = {json.at("output").at("file"),      json.at("output").at("format"),
                     json.at("output").at("reduce"),    json.at("output").value("timing", false),
                     json.at("output").value("by", ""), json.at("output").value("columns", "")};
  if (manifest.claim == 0) throw Malformed{"a claim covers no task"};
  if (manifest.claims() > kMaxClaims) throw Malformed{"it has more than 2^20 claims"};
  if (manifest.tasks != task_count(manifest.inputs)) throw Malformed{"'tasks' does not follow from 'inputs'"};
  check_fit(manifest.inputs, manifest.kernel);
  return manifest;
}

}  // namespace

const char* word_of(InputFile::ReadBy read_by) {
  return read_by == ReadBy::kTasks ? "tasks" : read_by == ReadBy::kEveryTask ? "every task" : "";
}

std::string to_json(const Manifest& manifest) {
  Json json = {{"format", kManifestFormat},           {"job", manifest.job},           {"label", manifest.label},
               {"created", manifest.created},         {"hostname", manifest.hostname}, {"command", manifest.command},
               {"plugin", blob_json(manifest.plugin)}};
  json["libraries"] = Json::array();
  for (const auto& library : manifest.libraries) json["libraries"].push_back(blob_json(library));
  json["system_libraries"] = Json::array();
  for (const auto& library : manifest.system_libraries) {
    json["system_libraries"].push_back(
        {{"soname", library.soname}, {"path", library.path}, {"build_id", library.build_id}});
  }
  json["kernel"] = Json::parse(schema::kernel_to_json(manifest.kernel));
  json["inputs"] = Json::parse(inputs_to_json(manifest.inputs));
  json["tasks"] = manifest.tasks;
  json["open"] = manifest.open;
  json["claim"] = manifest.claim;
  json["chunk"] = manifest.chunk;
  json["backend"] = manifest.backend;
  json["backend_options"] = manifest.backend_options;
  json["auto_resubmit"] = manifest.auto_resubmit;
  json["workers"] = manifest.workers;
  json["retries"] = manifest.retries;
  json["timeout_ms"] = manifest.timeout_ms;
  json["memory"] = manifest.memory;
  json["lease_ms"] = manifest.lease_ms;
  json["sync"] = base::word_of(manifest.sync);
  Json globals = Json::array();
  for (const auto& global : manifest.globals) {
    globals.push_back({{"name", global.name}, {"symbol", global.symbol}, {"value", base::to_hex(global.value)}});
    if (!global.library.empty()) globals.back()["library"] = global.library;
  }
  Json& context = json["context"] = Json::parse(context_to_json(manifest.context));
  context["globals"] = std::move(globals);
  context["isolate_globals"] = manifest.isolate_globals;
  if (!manifest.init.symbol.empty()) context["init"] = init_json(manifest.init);
  json["cpu_features"] = manifest.cpu_features;
  json["exact_system_libraries"] = manifest.exact_system_libraries;
  json["reused"] = manifest.reused;
  json["provenance"] = provenance_json(manifest.provenance);
  json["parent"] = {{"job", manifest.parent.job}, {"tasks", manifest.parent.tasks}};
  json["output"] = {
      {"file", manifest.output.file}, {"format", manifest.output.format}, {"reduce", manifest.output.reduce}};
  if (manifest.output.timing) json["output"]["timing"] = true;
  if (!manifest.output.by.empty()) json["output"]["by"] = manifest.output.by;
  if (!manifest.output.columns.empty()) json["output"]["columns"] = manifest.output.columns;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Manifest manifest_from_json(const std::string& text, const std::string& where) {
  if (const std::string why = base::json_excess(text); !why.empty()) refuse(where, why);
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) refuse(where, "it is not a JSON object");
  if (!json.contains("format")) refuse(where, "it does not say its format");
  if (const auto& format = json.at("format"); format != kManifestFormat) {
    throw base::Error(base::ExitCode::kPluginRefused,
                      "'" + where + "' is of format " + format.dump() + ", this jobhost reads format " +
                          std::to_string(kManifestFormat),
                      "the jobhost that made the job reads it, or one that is as new");
  }
  try {
    return from(json);
  } catch (const Malformed& bad) {
    refuse(where, bad.why);
  } catch (const Json::exception& failure) {
    refuse(where, failure.what());
  } catch (const base::Error& part) {
    refuse(where, part.what());
  }
}

}  // namespace jobhost::bundle
