// Shared libraries as files: headers, notes, dynamic table, sections, symbol versions.
#include "harness.hpp"
#include "plugin/fit.hpp"
#include "plugin/floating_point.hpp"
#include "plugin/inspect.hpp"
#include "plugin/symbol_versions.hpp"

using namespace jobhost;
using base::ExitCode;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string path = "lib/$ORIGIN/plugin.so";
  fuzz::MemoryEnv env;
  env.put(path, {data, size});
  const auto refusing = {ExitCode::kPluginRefused};
  fuzz::accepts(refusing, [&] { plugin::describe(env, path); });
  fuzz::accepts(refusing, [&] { plugin::describe_program(env, path); });
  fuzz::accepts(refusing, [&] { plugin::read_linkage(env, path); });
  fuzz::accepts(refusing, [&] { plugin::read_build_id(env, path); });
  fuzz::accepts(refusing, [&] { plugin::links_fast_math(env, path); });
  fuzz::accepts(refusing, [&] { plugin::needed_versions(env, path); });
  fuzz::accepts(refusing, [&] { plugin::provided_versions(env, path); });
  fuzz::accepts(refusing, [&] {
    const auto closure = plugin::find_dependencies(env, path, "lib/$ORIGIN");
    plugin::obstacles(env, path, {}, closure);
  });
  return 0;
}
