#include "worker/machine.hpp"

#include <catch2/catch.hpp>

#include "plugin/inspect.hpp"

using namespace jobhost;

namespace {

/// As it would be submitted here.
bundle::Manifest manifest_of_varied(base::Env& env) {
  bundle::Manifest manifest;
  for (const auto& library : plugin::find_dependencies(env, VARIED_PLUGIN, "")) {
    manifest.system_libraries.push_back({library.soname, library.path, library.build_id});
  }
  return manifest;
}

bundle::SystemLibrary& libm_of(bundle::Manifest& manifest) {
  for (auto& library : manifest.system_libraries) {
    if (library.soname == "libm.so.6") return library;
  }
  throw std::logic_error("no libm");
}

const worker::StagedCode kVaried{VARIED_PLUGIN, {}};

}  // namespace

TEST_CASE("the machine of the submission suits") {
  base::PosixEnv env;
  CHECK(worker::check_machine(env, manifest_of_varied(env), kVaried).empty());
}

TEST_CASE("another build of a system library is said, or refused where exact ones are wanted") {
  base::PosixEnv env;
  auto manifest = manifest_of_varied(env);
  const std::string here = libm_of(manifest).build_id;
  libm_of(manifest).build_id = "c0ffee";
  const std::string sentence =
      "libm.so.6 here (build id " + here + ") is another build than at submission (build id c0ffee)";
  CHECK(worker::check_machine(env, manifest, kVaried) == std::vector<std::string>{sentence});
  manifest.exact_system_libraries = true;
  try {
    worker::check_machine(env, manifest, kVaried);
    FAIL("not refused");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::kPluginRefused);
    CHECK(error.what() == sentence);
  }
}

TEST_CASE("a system library that is the same elsewhere, or that nothing needs here, is no difference") {
  base::PosixEnv env;
  auto manifest = manifest_of_varied(env);
  manifest.exact_system_libraries = true;
  libm_of(manifest).path = "/elsewhere/libm.so.6";
  manifest.system_libraries.push_back({"libgone.so.1", "/lib/libgone.so.1", "c0ffee"});
  CHECK(worker::check_machine(env, manifest, kVaried).empty());
}

TEST_CASE("features that the manifest asks for are looked at, too") {
  base::PosixEnv env;
  auto manifest = manifest_of_varied(env);
  manifest.cpu_features = {"quantum"};
  CHECK_THROWS_WITH(worker::check_machine(env, manifest, kVaried), Catch::Contains("a processor with quantum"));
}
