#include "report/rows.hpp"

#include <catch2/catch.hpp>

#include "schema/value.hpp"

using namespace jobhost;

namespace {

schema::Kernel kernel_of(const std::string& result) {
  return schema::kernel_from_json(R"({"name":"f","symbol":"s","signature":"","file":"","line":1,"doc":"",
    "params":[{"name":"task","type":"i32"},{"name":"s","type":"string"}],"result":)" +
                                      result + "}",
                                  "test");
}

/// Task 0 and 1 with results, task 2 failed.
std::string rows(report::Format format, const std::string& result, const std::vector<std::string>& results) {
  const auto kernel = kernel_of(result);
  base::Bytes tasks, texts, values;
  std::vector<std::uint64_t> text_ends{0}, value_ends{0};
  for (int i = 0; i < 3; ++i) {
    base::append_value<std::int32_t>(tasks, i * 7);
    base::append_text(texts, i == 1 ? "a,\"b\"" : "plain");
    text_ends.push_back(texts.size());
  }
  for (const auto& value : results) {
    REQUIRE(schema::encode_text(kernel.result, value, values) == "");
    value_ends.push_back(values.size());
  }
  std::string out;
  auto writer = report::make_row_writer(format, kernel, [&](std::string_view text) { out += text; });
  std::vector<jobhost_column> inputs{{tasks.data(), nullptr, 4, 4}, {texts.data(), text_ends.data(), 0, 0}};
  writer->results(0, 2, inputs, {values.data(), value_ends.data(), 0, 0});
  inputs[0].data += 8;
  inputs[1].offsets += 2;
  writer->failure(2, inputs, {"exception", "std::domain_error", "bad \"x\"", "f at pi.cpp:12", std::nullopt});
  writer->finish();
  return out;
}

}  // namespace

TEST_CASE("JSON lines have inputs beside results and errors as objects") {
  CHECK(rows(report::Format::kJsonl, "\"f64\"", {"0.5", "nan"}) ==
        R"({"task": 0, "arg.task": 0, "s": "plain", "result": 0.5}
{"task": 1, "arg.task": 7, "s": "a,\"b\"", "result": "NaN"}
{"task": 2, "arg.task": 14, "s": "plain", "error": {"kind": "exception", "type": "std::domain_error", "what": "bad \"x\"", "where": "f at pi.cpp:12", "signal": null}}
)");
}

TEST_CASE("CSV quotes what needs it and keeps its columns") {
  CHECK(rows(report::Format::kCsv, "\"f64\"", {"0.5", "nan"}) ==
        "task,arg.task,s,result,error\n"
        "0,0,plain,0.5,\n"
        "1,7,\"a,\"\"b\"\"\",NaN,\n"
        "2,14,plain,,\"exception std::domain_error: bad \"\"x\"\" (f at pi.cpp:12)\"\n");
}

TEST_CASE("struct results become dotted columns") {
  const std::string type =
      R"({"struct":"R","fields":[["n","i32"],["p",{"struct":"P","fields":[["x","f64"],["y","f64"]]}]]})";
  const std::vector<std::string> values{R"({"n":1,"p":{"x":2,"y":3}})", R"({"n":4,"p":{"x":5,"y":6}})"};
  CHECK(rows(report::Format::kCsv, type, values) ==
        "task,arg.task,s,result.n,result.p.x,result.p.y,error\n0,0,plain,1,2,3,\n1,7,\"a,\"\"b\"\"\",4,5,6,\n"
        "2,14,plain,,,,\"exception std::domain_error: bad \"\"x\"\" (f at pi.cpp:12)\"\n");
}

TEST_CASE("JSON output is one array") {
  const auto text = rows(report::Format::kJson, "\"i32\"", {"1", "2"});
  CHECK(text.substr(0, 3) == "[\n ");
  CHECK(text.substr(text.size() - 3) == "\n]\n");
  std::string empty;
  report::make_row_writer(report::Format::kJson, kernel_of("\"i32\""), [&](std::string_view t) {
    empty += t;
  })->finish();
  CHECK(empty == "[]\n");
}

TEST_CASE("tables align and stay free of control characters") {
  const auto text = rows(report::Format::kTable, "\"string\"", {"one\033[31m", "two"});
  CHECK(text.find('\033') == std::string::npos);
  CHECK(text.find("task  arg.task  s") == 0);
  CHECK(text.find("exception std::domain_error") != std::string::npos);
}
