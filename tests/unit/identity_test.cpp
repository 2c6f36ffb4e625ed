#include "worker/identity.hpp"

#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "plugin/inspect.hpp"
#include "worker/loader.hpp"

using namespace jobhost;

TEST_CASE("what was loaded must be what was recorded") {
  base::PosixEnv env;
  worker::Plan plan;
  plan.plugin = MEMORY_PLUGIN;
  const worker::LoadedPlugin plugin({}, MEMORY_PLUGIN);
  bundle::Manifest manifest;
  manifest.plugin.build_id = plugin::read_build_id(env, MEMORY_PLUGIN);
  worker::verify_loaded(manifest, plan);

  manifest.plugin.build_id = "c0ffee";
  CHECK_THROWS_WITH(worker::verify_loaded(manifest, plan), Catch::Contains("instead of c0ffee"));
  plan.plugin = "/elsewhere/memory.so";
  CHECK_THROWS_WITH(worker::verify_loaded(manifest, plan), "'/elsewhere/memory.so' is not what the loader took");
}
