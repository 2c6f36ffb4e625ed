#include "worker/replay.hpp"

#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "bundle/input_reader.hpp"
#include "schema/value.hpp"

namespace jobhost::worker {
namespace {

struct Result {
  base::Bytes bytes = base::Bytes(64 << 10);
  bool failed = false;
};

int grow(jobhost_sink* sink, std::uint64_t wanted) {
  auto* result = static_cast<Result*>(sink->host);
  result->bytes.resize(std::max<std::uint64_t>(wanted, 2 * result->bytes.size()));
  sink->data = result->bytes.data();
  sink->capacity = result->bytes.size();
  return 0;
}

void failed(jobhost_sink* sink, std::uint64_t, const jobhost_exception* thrown) {
  static_cast<Result*>(sink->host)->failed = true;
  const char* lead = "threw";
  for (; thrown; thrown = thrown->cause) {
    int status = 0;
    const char* mangled = thrown->type ? thrown->type : "something";
    const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                           &std::free);
    std::fprintf(stderr, "%s %s: %s\n", lead, name ? name.get() : mangled, thrown->what ? thrown->what : "");
    lead = "caused by";
  }
}

}  // namespace

int replay_task(base::Env& env, const bundle::Manifest& manifest, const std::string& job_directory, jobhost_entry entry,
                std::uint64_t task) {
  bundle::InputReader inputs(env, manifest.inputs, manifest.kernel, job_directory);
  std::vector<jobhost_column> columns;
  inputs.read(task, 1, columns);
  const auto size = schema::fixed_size(manifest.kernel.result);
  Result result;
  if (size && result.bytes.size() < *size) result.bytes.resize(*size);
  std::uint64_t end = 0;
  jobhost_sink sink{result.bytes.data(), 0, result.bytes.size(), size ? nullptr : &end, &result, &grow, &failed};
  jobhost_progress progress{};
  entry(columns.data(), 1, &sink, &progress);
  std::cout.flush();
  if (result.failed) return 1;
  base::ByteReader reader(base::ByteView(result.bytes).first(size ? *size : end));
  std::string text;
  schema::append_json(manifest.kernel.result, reader, text);
  std::printf("%s\n", text.c_str());
  return 0;
}

}  // namespace jobhost::worker
