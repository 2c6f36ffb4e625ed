#include "api/program.hpp"

#include <cmath>
#include <cstdio>
#include <thread>

#include "api/linked_globals.hpp"
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

host::JobSpec spec_of(const Options& options, const schema::Kernel& kernel) {
  if (options.backend != "processes" && options.backend != "threads") {
    throw std::invalid_argument("no backend '" + options.backend + "'; there are: processes, threads");
  }
  host::JobSpec spec;
  spec.plugin = spec.named = program_module().dli_fname;
  spec.entry = kernel;
  spec.backend = options.backend;
  spec.workers = options.workers > 0 ? options.workers : std::max(1u, std::thread::hardware_concurrency());
  spec.chunk = options.chunk;
  spec.timeout_ms = static_cast<std::uint64_t>(std::ceil(options.timeout * 1e3));
  spec.retries = options.retries;
  spec.memory = options.memory;
  spec.label = options.label;
  spec.live_global = &value_of_global;
  return spec;
}

}  // namespace jobhost::api
