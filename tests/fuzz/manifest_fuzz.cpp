// MANIFEST: read, written again, its context and inputs used.
#include "bundle/input_reader.hpp"
#include "bundle/manifest.hpp"
#include "harness.hpp"
#include "schema/value.hpp"

using namespace jobhost;
using base::ExitCode;

namespace {

void read_tasks(fuzz::MemoryEnv& env, const bundle::Manifest& manifest, std::uint64_t first) {
  bundle::InputReader reader(env, manifest.inputs, manifest.kernel, "job");
  std::vector<jobhost_column> columns;
  const std::uint64_t count = reader.read(first, std::min<std::uint64_t>(manifest.tasks - first, 5), columns);
  fuzz::require(count > 0 && columns.size() == manifest.kernel.parameters.size(), "there is a column per parameter");
  for (std::size_t p = 0; p < columns.size(); ++p) {
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string text;
      base::ByteReader value(bundle::value_at(columns[p], i));
      schema::append_plain(manifest.kernel.parameters[p].type, value, text);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::accepts({ExitCode::kDamaged, ExitCode::kPluginRefused}, [&] {
    const bundle::Manifest manifest = bundle::manifest_from_json(text, "MANIFEST");
    fuzz::require(bundle::manifest_from_json(bundle::to_json(manifest), "MANIFEST") == manifest,
                  "what is written is read as the same");
    fuzz::require(manifest.claims() <= std::max<std::uint64_t>(manifest.tasks, 1), "a claim covers tasks");
    if (manifest.tasks == 0) return;
    fuzz::MemoryEnv env;
    for (const std::uint64_t first : {std::uint64_t{0}, manifest.tasks / 2, manifest.tasks - 1}) {
      // There are no packs in this job: that is the file system's error.
      fuzz::accepts({ExitCode::kDamaged, ExitCode::kBackendFailed}, [&] { read_tasks(env, manifest, first); });
    }
  });
  return 0;
}
