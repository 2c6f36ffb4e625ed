#include "plugin/fit.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/file.hpp"
#include "jobhost/sdk/abi.h"
#include "plugin/floating_point.hpp"
#include "plugin/symbol_versions.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

namespace {

/// Shared libraries that are built for the occasion.
class Workshop {
 public:
  std::string build(const std::string& name, const std::string& source, const std::string& flags = "") {
    base::write_file_atomically(env, folder / name + ".cpp", base::as_bytes(source), false);
    const std::string path = folder / name + ".so";
    const std::string command = "cd '" + folder.path() + "' && " CXX_COMPILER " -std=c++20 -shared -fPIC -O2 -o " +
                                path + " " + name + ".cpp -L. " + flags;
    REQUIRE(std::system(command.c_str()) == 0);
    return path;
  }

  /// Overwrites every occurrence of `before` in the file by `after`, which is as long.
  void patch(const std::string& path, const std::string& before, const std::string& after) {
    auto bytes = base::read_file(env, path, 64 << 20);
    unsigned found = 0;
    for (auto at = bytes.begin();; ++found) {
      at = std::search(at, bytes.end(), before.begin(), before.end());
      if (at == bytes.end()) break;
      std::copy(after.begin(), after.end(), at);
    }
    REQUIRE(found > 0);
    base::write_file_atomically(env, path, bytes, false);
  }

  std::vector<std::string> problems(const std::string& path, const schema::Requirements& requirements = {}) {
    std::vector<std::string> sentences;
    const auto closure = plugin::find_dependencies(env, path, folder.path());
    for (const auto& obstacle : plugin::obstacles(env, path, requirements, closure)) {
      sentences.push_back(obstacle.what);
      CHECK_FALSE(obstacle.hint.empty());
    }
    return sentences;
  }

  base::PosixEnv env;
  test::TemporaryDirectory folder;
};

using Sentences = std::vector<std::string>;

const char* const kMath = "#include <cmath>\ndouble f(double x) { return std::pow(x, 0.3); }\n";

}  // namespace

TEST_CASE("code that suits this machine has no obstacles") {
  Workshop workshop;
  CHECK(workshop.problems(workshop.build("plain", kMath)).empty());
  CHECK(workshop.problems(VARIED_PLUGIN, {JOBHOST_ABI, "", {}}).empty());
}

TEST_CASE("the closure holds what system libraries need, each before those that need it") {
  Workshop workshop;
  std::vector<std::string> names;
  for (const auto& library : plugin::find_dependencies(workshop.env, workshop.build("plain", kMath), "")) {
    CHECK(library.system);
    CHECK_FALSE(library.build_id.empty());
    names.push_back(library.soname);
  }
  const auto at = [&](const std::string& name) { return std::find(names.begin(), names.end(), name) - names.begin(); };
  CHECK(at("ld-linux-x86-64.so.2") < at("libc.so.6"));
  CHECK(at("libc.so.6") < at("libm.so.6"));
  CHECK(at("libm.so.6") < static_cast<std::ptrdiff_t>(names.size()));
}

TEST_CASE("a version of a symbol that is too new is named, with what there is") {
  Workshop workshop;
  const std::string path = workshop.build("future", kMath);
  const auto needed = plugin::needed_versions(workshop.env, path);
  const auto libm = std::find_if(needed.begin(), needed.end(), [](const auto& l) { return l.soname == "libm.so.6"; });
  REQUIRE(libm != needed.end());
  CHECK(libm->versions == Sentences{"GLIBC_2.29"});
  workshop.patch(path, "GLIBC_2.29", "GLIBC_9.99");
  const auto problems = workshop.problems(path);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0],
             Catch::StartsWith("'" + path + "' needs GLIBC_9.99 of libm.so.6, which here only goes up to"));
  CHECK_THAT(problems[0], Catch::Contains("GLIBC_2."));
}

TEST_CASE("libraries that travel are looked at, too") {
  Workshop workshop;
  const std::string library = workshop.build("libdep", kMath, "-Wl,-soname,libdep.so");
  const std::string path = workshop.build("own", "double f(double); double g(double x) { return f(x); }", "-ldep");
  CHECK(workshop.problems(path).empty());
  workshop.patch(library, "GLIBC_2.29", "GLIBC_9.99");
  const auto problems = workshop.problems(path);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], Catch::StartsWith("'" + library + "' needs GLIBC_9.99"));
}

TEST_CASE("all obstacles are listed") {
  Workshop workshop;
  workshop.build("libdep", "int f() { return 1; }", "-Wl,-soname,libdep.so");
  const std::string path = workshop.build(
      "own", "#include <cmath>\nint f(); double g(double x) { return f() + std::pow(x, 0.3); }", "-ldep");
  workshop.env.remove(workshop.folder / "libdep.so");
  workshop.patch(path, "GLIBC_2.29", "GLIBC_9.99");
  const auto problems = workshop.problems(path, {JOBHOST_ABI + 1, "9.9.9", {"sse3", "quantum", "telepathy"}});
  REQUIRE(problems.size() == 4);
  CHECK_THAT(problems[0],
             Catch::Contains("plugin ABI " + std::to_string(JOBHOST_ABI + 1) + " by jobhost 9.9.9; this is jobhost "));
  CHECK_THAT(problems[1], Catch::Contains("a processor with quantum, telepathy, which this one lacks"));
  CHECK_THAT(problems[2], Catch::Contains("needs 'libdep.so', which is not found"));
  CHECK_THAT(problems[3], Catch::Contains("GLIBC_9.99"));
}

TEST_CASE("a library that is asked for by its path cannot travel") {
  Workshop workshop;
  workshop.build("libdep", "int f() { return 1; }");
  const std::string path = workshop.build("own", "int f(); int g() { return f(); }", workshop.folder / "libdep.so");
  const auto problems = workshop.problems(path);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], Catch::Contains("by its path, so that no copy of it can take its place"));
}

TEST_CASE("a library without versions provides them all") {
  Workshop workshop;
  const std::string versioned = "-Wl,--version-script=map -Wl,-soname,libdep.so";
  base::write_file_atomically(workshop.env, workshop.folder / "map", base::as_bytes("DEP_1.5 { *; };\n"), false);
  const std::string library = workshop.build("libdep", "int f() { return 1; }", versioned);
  CHECK(plugin::provided_versions(workshop.env, library) == Sentences{"libdep.so", "DEP_1.5"});
  const std::string path = workshop.build("own", "int f(); int g() { return f(); }", "-ldep");
  workshop.build("libdep", "int f() { return 1; }", "-Wl,-soname,libdep.so");
  CHECK(workshop.problems(path).empty());
  base::write_file_atomically(workshop.env, workshop.folder / "map", base::as_bytes("DEP_1.4 { *; };\n"), false);
  workshop.build("libdep", "int f() { return 1; }", versioned);
  CHECK(workshop.problems(path) ==
        Sentences{"'" + path + "' needs DEP_1.5 of libdep.so, which here only goes up to DEP_1.4"});
}

TEST_CASE("versions are compared by their numbers") {
  CHECK(plugin::newest_like("GLIBC_9.99", {"GLIBC_2.4", "GLIBC_2.36", "GLIBC_PRIVATE", "GCC_13.0"}) == "GLIBC_2.36");
  CHECK(plugin::newest_like("GOMP_5.0", {"GLIBC_2.4"}).empty());
}

TEST_CASE("damaged version tables are refused or read, never believed beyond the file's end") {
  Workshop workshop;
  const std::string path = workshop.build("plain", kMath);
  const auto whole = base::read_file(workshop.env, path, 64 << 20);
  for (std::size_t at = 0x200; at < std::min<std::size_t>(whole.size(), 0x3000); at += 3) {
    auto damaged = whole;
    damaged[at] ^= 0xff;
    base::write_file_atomically(workshop.env, path, damaged, false);
    try {
      plugin::needed_versions(workshop.env, path);
      plugin::provided_versions(workshop.env, path);
      plugin::links_fast_math(workshop.env, path);
    } catch (const base::Error& error) {
      CHECK(error.code() == base::ExitCode::kPluginRefused);
    }
  }
}

TEST_CASE("requirements are read without the rest of a schema") {
  const std::string two = R"({"abi":1,"jobhost":"0.1.0","cpu":["avx2"],"kernels":[{"cpu":["no"],"abi":7}]})" +
                          std::string(3, '\0') + R"({"kernels":[{"abi":9,"x":[["cpu"]]}],"cpu":["fma"],"abi":1})";
  const auto requirements = schema::parse_requirements(two, "p.so");
  CHECK((requirements.abi == 1 && requirements.jobhost == "0.1.0"));
  CHECK(requirements.cpu_features == Sentences{"avx2", "fma"});
  CHECK(schema::parse_requirements("", "p.so").abi == -1);
  CHECK_THROWS_WITH(schema::parse_requirements("{\"abi\":", "p.so"), "the schema in 'p.so' is damaged");
}

TEST_CASE("a library that is linked with -ffast-math is told from one that is not") {
  Workshop workshop;
  CHECK_FALSE(plugin::links_fast_math(workshop.env, workshop.build("plain", kMath)));
  CHECK(plugin::links_fast_math(workshop.env, workshop.build("fast", kMath, "-ffast-math")));
}
