// The text of a plugin's schema section.
#include "harness.hpp"
#include "schema/difference.hpp"
#include "schema/type.hpp"

using namespace jobhost;
using base::ExitCode;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  schema::Requirements requirements;
  const bool headed =
      fuzz::accepts({ExitCode::kPluginRefused}, [&] { requirements = schema::parse_requirements(text, "plugin"); });
  fuzz::accepts({ExitCode::kPluginRefused}, [&] {
    const schema::Description plugin = schema::parse_description(text, "plugin");
    fuzz::require(headed && requirements.abi == plugin.abi && requirements.cpu_features == plugin.cpu_features,
                  "what a machine must have is read alike from the head and from all");
    for (const auto& kernel : plugin.kernels) {
      fuzz::require(schema::kernel_from_json(schema::kernel_to_json(kernel), "plugin") == kernel,
                    "a kernel is read as written");
      schema::as_shown(kernel);
      for (const std::size_t count : kernel.fewer) schema::with_fewer(kernel, count);
      schema::parameter_difference(kernel, plugin.kernels[0]);
    }
    for (const auto& global : plugin.globals) schema::fixed_size(global.type);
  });
  return 0;
}
