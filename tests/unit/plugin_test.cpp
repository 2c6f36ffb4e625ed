#include <dlfcn.h>

#include <catch2/catch.hpp>

#include "base/file.hpp"
#include "base/suggest.hpp"
#include "plugin/inspect.hpp"
#include "plugin/symbolizer.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

namespace {

std::string refusal(base::Env& env, const std::string& path) {
  try {
    plugin::describe(env, path);
    return "";
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::kPluginRefused);
    return error.what();
  }
}

const schema::Kernel& kernel_named(const schema::Description& plugin, const std::string& name) {
  return plugin::find_kernel(plugin, name, "p.so");
}

}  // namespace

TEST_CASE("a plugin is described without being loaded") {
  base::PosixEnv env;
  const auto varied = plugin::describe(env, VARIED_PLUGIN);
  CHECK(varied.kernels.size() == 24);
  CHECK(varied.skipped.size() == 2);
  CHECK(kernel_named(varied, "mean").signature == "double mean(const std::vector<double>& values)");
  CHECK(kernel_named(varied, "geo::flat::area(double,double)").parameters[1].name == "h");
  CHECK(kernel_named(varied, "big").parameters[0].type.items.size() == 20);
  CHECK_THROWS_WITH(kernel_named(varied, "geo::flat::area"), Catch::Contains("overloaded"));
  CHECK_THROWS_WITH(kernel_named(varied, "position"), Catch::Contains("parameter 'f' of type FILE* cannot travel"));
  CHECK_THROWS_WITH(kernel_named(varied, "meann"), "no kernel 'meann' in p.so");
  CHECK_FALSE(::dlopen(VARIED_PLUGIN, RTLD_NOW | RTLD_NOLOAD));
  const auto facts = plugin::read_elf(env, VARIED_PLUGIN);
  CHECK(facts.build_id.size() == 40);
  bool libc = false;
  for (const auto& dependency : plugin::find_dependencies(env, VARIED_PLUGIN, "")) {
    CHECK(dependency.system);
    CHECK(base::exists(env, dependency.path));
    libc = libc || dependency.soname == "libc.so.6";
  }
  CHECK(libc);
}

TEST_CASE("what is no plugin is refused in one sentence") {
  base::PosixEnv env;
  test::TemporaryDirectory folder;
  base::write_file_atomically(env, folder / "text", base::as_bytes("#!/bin/sh\n"), false);
  CHECK(refusal(env, folder / "missing.so") == "'" + folder / "missing.so" + "' does not exist");
  CHECK(refusal(env, folder / "text") == "'" + folder / "text" + "' is not a shared library");
  CHECK(refusal(env, "/lib/x86_64-linux-gnu/libm.so.6").find("holds no kernels") != std::string::npos);
  CHECK(refusal(env, folder.path()) != "");
  auto foreign = base::read_file(env, VARIED_PLUGIN, 64 << 20);
  foreign[18] = 0xb7;  // EM_AARCH64
  base::write_file_atomically(env, folder / "foreign.so", foreign, false);
  CHECK(refusal(env, folder / "foreign.so").find("another kind of machine") != std::string::npos);
}

TEST_CASE("a cut or scribbled plugin is refused or read, never believed beyond its end") {
  base::PosixEnv env;
  test::TemporaryDirectory folder;
  const auto whole = base::read_file(env, VARIED_PLUGIN, 64 << 20);
  const std::string path = folder / "damaged.so";
  const auto try_to_read = [&](const base::Bytes& bytes) {
    env.remove(path);
    base::write_file_atomically(env, path, bytes, false);
    refusal(env, path);
  };
  for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 150) {
    try_to_read(base::Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  for (std::size_t at = 0; at < 64 + 56 * 12; at += 2) {  // file header and program headers
    auto damaged = whole;
    damaged[at] ^= 0xff;
    damaged[at + 1] ^= 0x7f;
    try_to_read(damaged);
  }
  for (std::size_t at = whole.size() - 64 * 20; at + 8 < whole.size(); at += 4) {  // section headers
    auto damaged = whole;
    damaged[at + 3] ^= 0xff;
    try_to_read(damaged);
  }
}

TEST_CASE("what schemas say of globals and of the source is optional, and adds up") {
  const std::string rest = R"("abi":1,"compiler":"g++","cpu":[],"kernels":[],"skipped":[])";
  const std::string none = "{" + rest + R"(,"globals":[{"name":"a","symbol":"s","type":"i32"}]})";
  const auto old = schema::parse_description(none, "p.so");
  CHECK((old.commit.empty() && !old.dirty && old.globals.at(0).getter.empty() && !old.globals[0].declared));
  const std::string clean = "{" + rest + R"(,"source":{"commit":"aa","dirty":false}})";
  const std::string dirty =
      "{" + rest +
      R"(,"source":{"commit":"bb","dirty":true},"globals":[{"name":"b","symbol":"s","get":"g","type":"i32","declared":true,"file":"b.cpp","line":3}]})";
  const auto all = schema::parse_description(none + '\0' + clean + '\0' + dirty, "p.so");
  CHECK((all.commit == "aa" && all.dirty));
  const auto& b = all.globals.at(1);
  CHECK((b.getter == "g" && b.declared && b.file == "b.cpp" && b.line == 3));
  CHECK(schema::type_from_json(schema::type_to_json(b.type), "p.so") == b.type);
}

TEST_CASE("addresses become functions and lines, inlined calls included") {
  void* handle = ::dlopen(VARIED_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  REQUIRE(handle);
  void* entry = ::dlsym(handle, "jobhost_kernel_0");
  Dl_info info{};
  REQUIRE(::dladdr(entry, &info) != 0);
  const auto offset = static_cast<std::uint64_t>(static_cast<char*>(entry) - static_cast<char*>(info.dli_fbase));
  plugin::Symbolizer symbolizer;
  bool found = false;
  // Optimised, the kernel is inlined into its entry; else it stands a little before.
  for (std::uint64_t at = offset - std::min<std::uint64_t>(offset, 4096); at < offset + 200 && !found; at += 4) {
    for (const auto& line : symbolizer.resolve(VARIED_PLUGIN, at)) {
      found = found || (line.function.find("add_one") != std::string::npos && line.file.ends_with("varied.cpp"));
    }
  }
  CHECK(found);
  CHECK(symbolizer.resolve("/no/such/file", 1).size() == 1);
}

TEST_CASE("misspellings find their word") {
  CHECK(base::nearest("estimate_p", {"estimate_pi", "other"}) == "estimate_pi");
  CHECK_FALSE(base::nearest("zzz", {"estimate_pi", "other"}));
}
