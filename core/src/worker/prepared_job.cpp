#include "worker/prepared_job.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "plugin/inspect.hpp"
#include "worker/identity.hpp"
#include "worker/lookup_watch.hpp"
#include "worker/single_call.hpp"

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kMostData = 16 << 20;  // bytes of globals that are watched

/// Loads the code and undoes what its constructors do to floating-point arithmetic: what is linked with -ffast-math
/// switches denormal numbers off for the thread that loads it.
LoadedPlugin load(const Plan& plan, const PreparedJob::Tell& tell) {
  const auto before = context::FloatingPoint::current();
  return LoadedPlugin(plan.libraries, plan.plugin, [&](const std::string& path) {
    if (context::FloatingPoint::current() == before) return;
    before.apply();
    tell({"floating_point",
          "loading '" + path.substr(path.rfind('/') + 1) +
              "' changes floating-point arithmetic (it, or a library it needs, is linked with "
              "-ffast-math); tasks run with that of the submission. Link it without to be rid of this note"});
  });
}

LoadedPlugin load_in_context(const bundle::Manifest& manifest, const Plan& plan, context::Place place,
                             const PreparedJob::Tell& tell) {
  const auto& calling = manifest.context;
  for (const auto& sentence : context::restore(calling, place)) tell({"context", sentence});
  watch_lookups(calling.withheld, [tell](const std::string& name) {
    tell({"environment", "the environment variable '" + name +
                             "' was looked up; it was set at submission, and does not travel unless you say --env " +
                             name});
  });
  for (const auto& library : manifest.system_libraries) load_system_library(library.path);
  return load(plan, tell);
}

void initialise(const bundle::Initialiser& init, const LoadedPlugin& plugin, const context::FloatingPoint& floating) {
  if (init.symbol.empty()) return;
  std::vector<jobhost_column> columns;
  std::uint64_t begin = 0;
  for (const std::uint64_t end : init.ends) {
    columns.push_back({init.arguments.data() + begin, nullptr, 0, end - begin});
    begin = end;
  }
  floating.apply();
  const SingleCall call = call_once(plugin.kernel(init.symbol), columns, std::nullopt);
  context::FloatingPoint().apply();
  if (call.thrown.empty()) return;
  throw base::Error(base::ExitCode::kPluginRefused, "the initialiser '" + init.name + "' threw " + call.in_words());
}

}  // namespace

PreparedJob::PreparedJob(base::Env& env, const bundle::Manifest& manifest, const Plan& plan, context::Place place,
                         Tell tell)
    : tell_(std::move(tell)), plugin_(load_in_context(manifest, plan, place, tell_)), globals_(manifest.globals) {
  verify_loaded(manifest, plan);
  restore_globals();
  initialise(manifest.init, plugin_, context::floating_point_of(manifest.context));
  if (manifest.isolate_globals) keep_isolated(env, plan);
  std::vector<std::string> code = plan.libraries;
  code.push_back(plan.plugin);
  data_.emplace(code, plugin_.registered_data(), kMostData);
  process_ = context::ProcessState::current();
  if (data_->left_out() == 0) return;
  tell_({"global", "the code has " + std::to_string(data_->left_out() >> 20) +
                       " MiB of global variables beyond what is compared: changes there go unnoticed"});
}

void PreparedJob::keep_isolated(base::Env& env, const Plan& plan) {
  std::vector<bundle::Global> kept;
  const auto keep = [&](const std::string& path, const std::string& library) {
    const std::string schema = plugin::read_schema(env, path);
    if (schema.empty()) return;
    for (const auto& variable : schema::parse_description(schema, path).globals) {
      const bool captured = std::any_of(globals_.begin(), globals_.end(), [&](const bundle::Global& global) {
        return global.symbol == variable.symbol && global.library == library;
      });
      if (variable.getter.empty() || (!variable.declared && !captured)) continue;
      if (auto value = plugin_.get_global(variable.getter, library)) {
        kept.push_back({variable.name, variable.symbol, std::move(*value), library});
      }
    }
  };
  keep(plan.plugin, "");
  for (const auto& library : plan.libraries) keep(library, library.substr(library.rfind('/') + 1));
  for (auto& global : globals_) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const bundle::Global& other) {
      return other.symbol == global.symbol && other.library == global.library;
    });
    if (!known) kept.push_back(std::move(global));
  }
  globals_ = std::move(kept);
}

void PreparedJob::restore_globals() const {
  for (const auto& global : globals_) plugin_.set_global(global.symbol, global.value, global.library);
  plugin_.forget_registered();
}

void PreparedJob::look_at_data() {
  for (const auto& changed : data_->look()) {
    const std::lock_guard lock(told_mutex_);
    if (!told_.insert({changed.module, changed.offset}).second) continue;
    tell_({"global", "", changed.module, changed.offset, changed.size});
  }
}

void PreparedJob::look_at_process() const {
  const std::string changed = context::ProcessState::current().against(process_);
  if (changed.empty()) return;
  tell_({"process", "tasks changed " + changed +
                        ": later tasks of the same process see that, so results may depend on which tasks ran there "
                        "before"});
}

}  // namespace jobhost::worker
