#include "bundle/manifest.hpp"

#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "base/json_checks.hpp"

using namespace jobhost;
using Catch::Contains;

namespace {

schema::Parameter parameter(const std::string& name, const std::string& type) {
  return {name, schema::type_from_json(type, "test")};
}

/// f(int i, std::string s) for i = 1 … 4.
bundle::Manifest sound() {
  bundle::Manifest manifest;
  manifest.plugin = {std::string(64, 'a'), "libf.so", "/libf.so", ""};
  manifest.kernel.parameters = {parameter("i", "\"i32\""), parameter("s", "\"string\"")};
  manifest.inputs.axes = {{4, {{0, bundle::IntegerRange{1, 1}}}}, {1, {{1, bundle::Constant{base::Bytes(8)}}}}};
  manifest.tasks = manifest.claim = 4;
  return manifest;
}

/// What is said of it when it is read.
std::string verdict(const std::string& json) {
  try {
    bundle::manifest_from_json(json, "J/MANIFEST");
    return "";
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::kDamaged);
    return error.what();
  }
}

template <class Change>
std::string verdict_after(Change change) {
  bundle::Manifest manifest = sound();
  change(manifest);
  return verdict(bundle::to_json(manifest));
}

/// The sound one with `part` of its text replaced.
std::string with(const std::string& part, const std::string& by) {
  std::string json = bundle::to_json(sound());
  const std::size_t at = json.find(part);
  REQUIRE(at != std::string::npos);
  return json.replace(at, part.size(), by);
}

}  // namespace

TEST_CASE("a manifest is read as it was written") {
  CHECK(bundle::manifest_from_json(bundle::to_json(sound()), "MANIFEST") == sound());
}

TEST_CASE("inputs that do not fit the kernel are damage") {
  using bundle::Manifest;
  CHECK(verdict_after([](Manifest& m) { m.inputs.axes[1].sources[0].values = bundle::IntegerRange{}; }) ==
        "'J/MANIFEST' is damaged: the values of parameter 's' are not of type std::string");
  CHECK_THAT(verdict_after([](Manifest& m) { m.inputs.axes[1].sources[0].values = bundle::Seeds{}; }),
             Contains("parameter 's' are not of type"));
  CHECK_THAT(verdict_after([](Manifest& m) { m.inputs.axes[0].sources[0].values = bundle::Linspace{}; }),
             Contains("parameter 'i' are not of type int"));
  CHECK_THAT(verdict_after([](Manifest& m) { m.inputs.axes[1].sources[0].values = bundle::Constant{{1}}; }),
             Contains("parameter 's' are not of type"));
  CHECK_THAT(verdict_after([](Manifest& m) { m.inputs.axes[1].sources.clear(); }), Contains("no values for parameter"));
  CHECK_THAT(verdict_after([](Manifest& m) { m.inputs.axes[1].sources[0].parameter = 0; }), Contains("two places"));
  CHECK_THAT(verdict_after([](Manifest& m) { m.inputs.axes[1].sources[0].parameter = 2; }),
             Contains("more parameters"));
  CHECK_THAT(verdict_after([](Manifest& m) {
               m.inputs.packs = {{4, "inputs/0000", ""}};
               m.inputs.axes = {{4, {{0, bundle::Stored{0, 0}}, {1, bundle::Stored{0, 0}}}}};
             }),
             Contains("parameters of different types share a column"));
}

TEST_CASE("numbers of a manifest are not cut off") {
  CHECK_THAT(verdict(with("\"retries\": 2", "\"retries\": 4294967296")), Contains("'4294967296' stands where"));
  CHECK_THAT(verdict(with("\"retries\": 2", "\"retries\": -1")), Contains("'-1' stands where"));
  CHECK_THAT(verdict(with("\"retries\": 2", "\"retries\": 2.5")), Contains("whole number from 0 to 4294967295"));
  CHECK_THAT(verdict(with("\"retries\": 2", "\"retries\": \"2\"")), Contains("'string' stands where"));
  CHECK_THAT(verdict_after([](bundle::Manifest& m) {
               m.tasks = m.inputs.axes[0].length = 1 << 21;
               m.claim = 1;
             }),
             Contains("more than 2^20 claims"));
  CHECK_THAT(verdict_after([](bundle::Manifest& m) { m.init = {"f", "f", {1, 2}, {2, 1}}; }), Contains("do not end"));
  CHECK(verdict_after([](bundle::Manifest& m) { m.claim = UINT64_MAX; }).empty());
}

TEST_CASE("a manifest beyond all measure is refused before it is parsed") {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  CHECK_THAT(verdict(with("\"retries\": 2", "\"retries\": " + deep)), Contains("nests deeper than 256 levels"));
  std::string many = "\"a\": 0";
  for (int i = 0; i < 1000; ++i) many += ", \"m" + std::to_string(i) + "\": 0";
  CHECK_THAT(verdict("{" + many + "}"), Contains("more than 256 members"));
  CHECK(base::json_excess(R"({"[[[[": "\\\"{{{{", "a": [1, {"b": 2}]})") == "");
  CHECK(base::json_excess(std::string(256, '[')) == "");
  CHECK(base::json_excess(std::string(257, '[')) != "");
}
