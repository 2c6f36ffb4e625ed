#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "bundle/manifest.hpp"
#include "context/process_state.hpp"
#include "context/restore.hpp"
#include "store/notes.hpp"
#include "worker/control.hpp"
#include "worker/data_watch.hpp"
#include "worker/loader.hpp"

namespace jobhost::worker {

/// The job's code in the job's calling context, as the first task finds it.
class PreparedJob {
 public:
  using Tell = std::function<void(const store::Note&)>;
  /// In this process and for its rest: restores the context, loads the code, sets globals, runs the initialiser. Throws
  /// Error(kPluginRefused) with one sentence. `tell` is given what people should know; it may be called on any thread.
  PreparedJob(base::Env& env, const bundle::Manifest& manifest, const Plan& plan, context::Place place, Tell tell);

  const LoadedPlugin& plugin() const { return plugin_; }
  /// Gives globals their captured values again, declared ones those that they had after the initialiser.
  void restore_globals() const;
  /// Tells which globals changed since the last look, or since the first task could begin. Any thread may call.
  void look_at_data();
  /// Tells what tasks changed of their process. When all of them have ended.
  void look_at_process() const;

 private:
  void keep_isolated(base::Env& env, const Plan& plan);

  Tell tell_;
  LoadedPlugin plugin_;
  std::vector<bundle::Global> globals_;  // as tasks are to find them
  std::optional<DataWatch> data_;
  context::ProcessState process_;
  std::mutex told_mutex_;
  std::set<std::pair<std::string, std::uint64_t>> told_;  // module and offset
};

}  // namespace jobhost::worker
