#include "api/program.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "api/linked_globals.hpp"
#include "backend/allocation.hpp"
#include "backend/backend.hpp"
#include "host/notes.hpp"
#include "host/workers.hpp"
#include "schema/value.hpp"

namespace jobhost::api {

Dl_info library_of(const void* address) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0) throw std::invalid_argument("an address belongs to no loaded library");
  return info;
}

Dl_info program_module() {
  static const Dl_info info = library_of(::dlsym(RTLD_DEFAULT, "jobhost_entry_at"));
  return info;
}

std::string jobhost_program() {
  const std::string self = library_of(reinterpret_cast<const void*>(&jobhost_program)).dli_fname;
  return self.substr(0, self.rfind('/')) + "/" JOBHOST_BIN_FROM_LIB "/jobhost";
}

std::runtime_error in_words(const base::Error& error) {
  return std::runtime_error(std::string(error.what()) + (error.hint().empty() ? "" : "\n" + error.hint()));
}

std::uint64_t offset_in_program(const void* address) {
  return reinterpret_cast<std::uint64_t>(address) - reinterpret_cast<std::uint64_t>(program_module().dli_fbase);
}

namespace {

schema::Kernel kernel_from(const std::string& name, std::uint64_t offset, const std::string& params,
                           const std::string& result) {
  char symbol[32];
  std::snprintf(symbol, sizeof symbol, "+%llx", static_cast<unsigned long long>(offset));
  std::string quoted;
  schema::append_json_string(name, quoted);
  return schema::kernel_from_json("{\"name\":" + quoted + ",\"symbol\":\"" + symbol + "\",\"signature\":" + quoted +
                                      ",\"file\":\"\",\"line\":0,\"doc\":\"\",\"params\":[" + params +
                                      "],\"result\":" + result + "}",
                                  "program");
}

/// A call without arguments of its own, which executors make before the first task.
bundle::Initialiser initialiser_of(const detail::Call& call, const std::string& globals) {
  const schema::Kernel kernel = kernel_of(call);
  bundle::Initialiser init{"Options::init", kernel.symbol, {}, {}};
  for (const auto& column : call.columns) {
    if (column.from == detail::Column::From::kGlobals) {
      base::append_text(init.arguments, globals);
    } else if (column.from == detail::Column::From::kTask) {
      base::append_value(init.arguments, std::uint64_t{0});
    } else if (column.value.write) {
      throw std::invalid_argument("Options::init binds a value that is too large; put it into a file or a global");
    } else {
      const auto bytes = base::as_bytes(column.value.bytes);
      init.arguments.insert(init.arguments.end(), bytes.begin(), bytes.end());
    }
    init.ends.push_back(init.arguments.size());
  }
  return init;
}

}  // namespace

schema::Type type_of(const std::string& json) { return kernel_from("type", 0, "", json).result; }

schema::Kernel kernel_of(const detail::Call& call) {
  static constexpr const char* kOwn[] = {"callable", "seed", "number", "globals"};
  std::string params;
  for (std::size_t i = 0; i < call.columns.size(); ++i) {
    const std::string named = i < std::size(kOwn) ? kOwn[i] : "arg" + std::to_string(i + 1 - std::size(kOwn));
    params += (params.empty() ? "" : ",") + ("{\"name\":\"" + named + "\",\"type\":" + call.columns[i].type() + "}");
  }
  const std::uint64_t offset = offset_in_program(reinterpret_cast<const void*>(call.entry));
  schema::Kernel kernel = kernel_from(call.name(), offset, params, call.result());
  kernel.own = std::min(std::size(kOwn), call.columns.size());
  return kernel;
}

host::JobSpec spec_of(const Options& options, const schema::Kernel& kernel, const std::string& globals) {
  const auto& names = backend::backend_names();
  if (std::find(names.begin(), names.end(), options.backend) == names.end()) {
    std::string listed;
    for (const auto& name : names) listed += (listed.empty() ? "" : ", ") + name;
    throw std::invalid_argument("no backend '" + options.backend + "'; there are: " + listed);
  }
  const bool local = backend::is_local(options.backend);
  if (local && !options.backend_options.empty()) {
    throw std::invalid_argument("the backend " + options.backend + " takes no Options::backend_options");
  }
  unsigned workers = options.workers;
  if (workers == 0) workers = local ? host::default_lanes() : backend::allocated_lanes();
  if (workers == 0) {
    throw std::invalid_argument("how many lanes are there to be on " + options.backend + "? set Options::workers");
  }
  if (!(options.timeout >= 0 && options.timeout <= 1e9)) {
    throw std::invalid_argument("Options::timeout is a number of seconds from 0 to 1e9");
  }
  host::JobSpec spec;
  spec.plugin = spec.named = program_module().dli_fname;
  spec.entry = kernel;
  spec.backend = options.backend;
  spec.backend_options = options.backend_options;
  spec.workers = workers;
  if (!local) spec.worker_processes = workers;
  spec.chunk = options.chunk;
  spec.timeout_ms = static_cast<std::uint64_t>(std::ceil(options.timeout * 1e3));
  spec.retries = options.retries;
  spec.exact_libraries = options.exact_libraries;
  spec.memory = options.memory;
  const auto sync = base::sync_policy_of(options.sync);
  if (!sync) throw std::invalid_argument("no sync policy '" + options.sync + "'; there are: process, batch, strict");
  spec.sync = *sync;
  spec.label = options.label;
  spec.isolate_globals = options.isolate_globals;
  spec.wishes = {options.environment, options.portable_math};
  if (options.init) spec.init_entry = initialiser_of(options.init.maker()(), globals);
  spec.live_global = &value_of_global;
  return spec;
}

void pass_on_notes(base::Env& env, const host::Job& job, const Options& options) {
  for (const auto& note : host::notes_of(env, job)) {
    if (options.note) {
      options.note(note);
    } else {
      std::fprintf(stderr, "jobhost: %s\n", note.c_str());
    }
  }
}

}  // namespace jobhost::api
