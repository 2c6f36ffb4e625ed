// Debug information and symbol tables, which libdw reads: variables, lines, the compiler's name.
#include "harness.hpp"
#include "plugin/debug_variables.hpp"
#include "plugin/producer.hpp"
#include "plugin/symbolizer.hpp"
#include "plugin/variables.hpp"

using namespace jobhost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::MemoryEnv env;
  env.put("plugin.so", {data, size});
  const std::string path = env.outside_name("plugin.so");
  plugin::debug_variables(plugin::DebugFile(path));
  plugin::producer(path);
  plugin::Variables variables;
  plugin::Symbolizer symbolizer;
  for (const std::uint64_t offset : {0x10u, 0x1000u, 0x4000u}) {
    variables.find(path, offset);
    symbolizer.resolve(path, offset);
  }
  return 0;
}
