#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/manifest.hpp"
#include "context/capture.hpp"
#include "store/store.hpp"

namespace jobhost::host {

/// Tells the value that a declared global of one of the job's libraries has in this process, by its jobhost_get_global;
/// nothing where the library is not loaded here.
using LiveGlobal = std::function<std::optional<base::Bytes>(const bundle::Blob& library, const std::string& getter)>;

/// What a new job is made from.
struct JobSpec {
  std::string plugin;  // path of the .so
  std::string named;   // as the user named it, for messages: "pi.cpp"
  std::string kernel;
  std::optional<schema::Kernel> entry =
      std::nullopt;  // instead of a kernel that the plugin describes: one of a program
  /// Makes the inputs for the kernel; may write packs into the directory given, and leave out parameters that have
  /// defaults (schema::with_fewer).
  std::function<bundle::Inputs(schema::Kernel&, const std::string& job_directory)> inputs;
  /// The files that `inputs` read, and what else is to be recorded of files; asked for when inputs, globals and
  /// initialiser are in the manifest. May be missing.
  std::function<std::vector<bundle::InputFile>(const bundle::Manifest&, const schema::Description&)> input_files =
      nullptr;
  std::string backend = "processes";
  std::vector<std::string> backend_options = {};  // "KEY=VALUE" for the system behind it
  bool auto_resubmit = false;                     // workers that a queueing system ended come again
  unsigned workers = 1;
  unsigned worker_processes = 1;  // how many of them claim independently: 1 on one machine
  unsigned retries = 2;
  std::uint64_t timeout_ms = 0;                              // 0: none
  std::uint64_t memory = 0;                                  // bytes per task, 0: no limit
  base::SyncPolicy sync = base::SyncPolicy::kBatch;          // what results survive
  std::vector<bundle::Global> session = {};                  // values from elsewhere; `globals` win
  std::vector<std::pair<std::string, std::string>> globals;  // name and value as typed
  bool isolate_globals = false;                              // they are set again before every task
  std::string init;  // "FUNC NAME=VALUE …": called in every executor before the first task; "" for none
  std::optional<bundle::Initialiser> init_entry = std::nullopt;  // instead: one of a program
  context::Wishes wishes;
  bool exact_libraries = false;      // machines with other system libraries than this one are refused, not only noted
  LiveGlobal live_global = nullptr;  // null: those of libraries are as they are initialised
  bundle::Parent parent;
  std::uint64_t chunk = 0;
  bool reuse = false;  // results of earlier jobs are about to be taken (host/reuse.hpp)
  bool open = false;   // see bundle::Manifest; `entry` and `inputs` are then empty
  std::string label;
  bundle::Output output;
  std::vector<std::string> command;
};

/// A job that exists on disk.
struct Job {
  store::JobDirectory directory;
  std::string manifest_sha256;
  bundle::Manifest manifest;
  std::string called = {};  // in commands that users are advised to type: its path, unless they named it otherwise
  bool by_path = false;     // the user gave its path, so it need not be a job of theirs
};

/// Inspects the plugin, checks the inputs, and writes the job directory; MANIFEST comes last. Nothing of the plugin is
/// executed. On any Error the directory is removed again.
Job submit(base::Env& env, store::Store& store, const JobSpec& spec);

/// Where a job that repeats tasks is to differ from the other one.
struct Changes {
  std::string backend = {};  // "": the same
  unsigned workers = 0;      // 0: as many
  std::string label = {};    // "": the same
  std::string named = {};    // what people call the newer plugin: the source file that it was built from
  bool new_digests = true;   // of files that are read by name; false: those of the parent
  std::vector<std::string> backend_options = {};  // with `backend`
  bool auto_resubmit = false;                     // likewise
  std::optional<std::uint64_t> timeout_ms = {}, memory = {};
  std::optional<unsigned> retries = {};
};

/// Throws Error(kUsage) where globals are to be restored before every task, and tasks of other lanes use the same ones.
void require_own_globals(bool isolate_globals, const std::string& backend, unsigned lanes);

/// A new job of some of another one's tasks (ascending numbers), with the same inputs and limits, and with the same
/// code unless `plugin` names a file: its kernel of the same name must then have the same parameters.
Job resubmit(base::Env& env, store::Store& store, const Job& parent, const std::vector<std::uint64_t>& tasks,
             const std::string& plugin, const std::vector<std::string>& command, const Changes& changes = {});

/// Whether the directory says what MANIFEST's SHA-256 is.
bool has_voucher(base::Env& env, const store::JobDirectory& directory);

/// Opens an existing job: reads and checks MANIFEST.
Job open_job(base::Env& env, const store::JobDirectory& directory);

/// The job that an id, unique prefix, label, path or @last names. Throws Error(kUsage).
store::Found find_job(base::Env& env, store::Store& store, const std::string& name);

}  // namespace jobhost::host
