#include "worker/replay.hpp"

#include <cstdio>
#include <iostream>

#include "bundle/input_reader.hpp"
#include "schema/value.hpp"
#include "worker/single_call.hpp"

namespace jobhost::worker {

int replay_task(base::Env& env, const bundle::Manifest& manifest, const std::string& job_directory, jobhost_entry entry,
                std::uint64_t task) {
  bundle::InputReader inputs(env, manifest.inputs, manifest.kernel, job_directory);
  std::vector<jobhost_column> columns;
  inputs.read(task, 1, columns);
  const SingleCall call = call_once(entry, columns, schema::fixed_size(manifest.kernel.result));
  std::cout.flush();
  const char* lead = "threw";
  for (const auto& thrown : call.thrown) {
    std::fprintf(stderr, "%s %s: %s\n", lead, thrown.type.c_str(), thrown.what.c_str());
    lead = "caused by";
  }
  if (!call.thrown.empty()) return 1;
  base::ByteReader reader(call.result);
  std::string text;
  schema::append_json(manifest.kernel.result, reader, text);
  std::printf("%s\n", text.c_str());
  return 0;
}

}  // namespace jobhost::worker
