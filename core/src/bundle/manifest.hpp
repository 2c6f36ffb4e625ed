#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/sync_policy.hpp"
#include "bundle/calling_context.hpp"
#include "bundle/inputs.hpp"
#include "schema/type.hpp"

namespace jobhost::bundle {

inline constexpr int kManifestFormat = 1;
inline constexpr std::uint64_t kManifestLimit = 64 << 20;  // bytes

/// A file kept in blob/ under the digest of its bytes.
struct Blob {
  std::string sha256;
  std::string name;      // file name it is loaded under: "libpi.so"
  std::string origin;    // absolute path it was copied from
  std::string build_id;  // of an ELF file, "" when it has none
  friend bool operator==(const Blob&, const Blob&) = default;
};

/// A library that comes with the operating system: recorded, not shipped.
struct SystemLibrary {
  std::string soname, path, build_id;
  friend bool operator==(const SystemLibrary&, const SystemLibrary&) = default;
};

/// A global variable of the plugin and the value that it has before the first task.
struct Global {
  std::string name, symbol;  // "ns::alpha"; of the function that sets it
  base::Bytes value;         // encoded
  std::string library = {};  // name of the library that it is in; "" for the plugin itself
  friend bool operator==(const Global&, const Global&) = default;
};

/// A function that runs once in every executor, after globals are set and before the first task.
struct Initialiser {
  std::string name, symbol;              // "" for none; of its entry
  base::Bytes arguments;                 // encoded, one after another
  std::vector<std::uint64_t> ends = {};  // of each of them
  friend bool operator==(const Initialiser&, const Initialiser&) = default;
};

/// A file that inputs were read from, or that a value names.
struct InputFile {
  enum class ReadBy {
    kHost,       // what it held is in the job
    kTasks,      // by the name that their arguments have
    kEveryTask,  // by the name that a global or an argument of the initialiser has
  };
  std::string path, sha256;
  ReadBy read_by = ReadBy::kHost;
  friend bool operator==(const InputFile&, const InputFile&) = default;
};

/// "tasks", "every task", or "" for those that the host read.
const char* word_of(InputFile::ReadBy read_by);

/// How results came to be, for people years later: never needed to compute them.
struct Provenance {
  std::string compiler;   // "g++ 12.2.0"
  std::string commit;     // of the source's repository when it was built, "" outside of one
  bool dirty = false;     // it had changes that were not committed
  std::string processor;  // model of the submitting machine's
  std::string system;     // its kernel and C library
  std::vector<InputFile> files;
  std::string version = {};  // of the jobhost that submitted it, "" in older jobs
  friend bool operator==(const Provenance&, const Provenance&) = default;
};

/// Where a job comes from that repeats tasks of another one: task k is number `tasks[k]` there.
struct Parent {
  std::string job;                   // id, "" for a job of its own
  std::vector<std::uint64_t> tasks;  // ascending
  friend bool operator==(const Parent&, const Parent&) = default;
};

/// Where the submitting command wanted the rows, so that `resume` can write the same.
struct Output {
  std::string file;          // absolute path, "" for standard output
  std::string format;        // "table", "jsonl", "csv", "json", "npy", "dat", "h5", or "" for the default
  std::string reduce = {};   // "mean,hist:20": a few numbers instead of rows; "" for rows
  bool timing = false;       // rows say how long their task took
  std::string by = {};       // with `reduce`: "alpha,beta", parameters whose values make groups; "" for none
  std::string columns = {};  // of a plain .npy array: "x,result"; "" for one whose columns have names
  friend bool operator==(const Output&, const Output&) = default;
};

/// Everything a computation needs, fixed at submission. Written as MANIFEST; its digest travels to the workers.
struct Manifest {
  std::string job;      // id: the name of its directory
  std::string label;    // --name, or ""
  std::string created;  // ISO 8601 UTC
  std::string hostname;
  std::vector<std::string> command;  // argv of the submission

  Blob plugin;
  std::vector<Blob> libraries;  // non-system, in load order (a library before those that need it)
  std::vector<SystemLibrary> system_libraries;
  schema::Kernel kernel;
  Inputs inputs;
  std::uint64_t tasks = 0;
  bool open = false;        // tasks and results pass through the host's memory (store::Mailbox); `tasks` is 0
  std::uint64_t claim = 1;  // tasks per claim; the last one may be shorter
  std::uint64_t chunk = 0;  // tasks a lane takes at once; 0 adapts to their duration

  std::string backend;
  std::vector<std::string> backend_options = {};  // "KEY=VALUE" for the system behind it
  bool auto_resubmit = false;                     // workers that a queueing system ended come again
  std::uint32_t workers = 1;
  std::uint32_t retries = 2;     // after a crash or time-out; attempts = 1 + retries
  std::uint64_t timeout_ms = 0;  // per task; 0: none
  std::uint64_t memory = 0;      // bytes per task; 0: no limit
  std::uint64_t lease_ms = 10'000;
  base::SyncPolicy sync = base::SyncPolicy::kProcess;  // what results survive

  CallingContext context;
  std::vector<Global> globals;
  bool isolate_globals = false;  // they are set again before every task
  Initialiser init;
  std::vector<std::string> cpu_features;  // that the code was compiled to need
  bool exact_system_libraries = false;    // others than those recorded are refused, not only noted
  bool reused = false;                    // the host's own log holds results of earlier jobs
  Provenance provenance;
  Parent parent;
  Output output;

  std::uint64_t claims() const { return claim == 0 ? 0 : tasks / claim + (tasks % claim != 0); }
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// Readable JSON, two spaces deep.
std::string to_json(const Manifest& manifest);

/// Throws Error(kPluginRefused) when `where` is of another format than kManifestFormat, and Error(kDamaged) saying
/// which field is missing, of another type, or not plausible: a digest that is none, a blob name with a slash, tasks
/// that do not follow from the inputs, inputs that do not fit the kernel.
Manifest manifest_from_json(const std::string& json, const std::string& where);

}  // namespace jobhost::bundle
