#include "schema/value.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>
#include <random>

using namespace jobhost;
using schema::Type;

namespace {

Type type_of(const std::string& json) {
  return schema::parse_description(
             R"({"abi":1,"compiler":"","cpu":[],"skipped":[],"globals":[],"kernels":[{"name":"f","symbol":"s",
      "signature":"","file":"","line":1,"doc":"","params":[{"name":"x","type":)" +
                 json + R"(}],"result":"void"}]})",
             "test")
      .kernels[0]
      .parameters[0]
      .type;
}

/// Text to bytes to JSON; or the complaint.
std::string through(const std::string& type, const std::string& text) {
  base::Bytes bytes;
  const Type t = type_of(type);
  const std::string why = schema::encode_text(t, text, bytes);
  if (!why.empty()) {
    CHECK(bytes.empty());
    return "! " + why;
  }
  CHECK(schema::encoded_size(t, bytes) == bytes.size());
  if (const auto size = schema::fixed_size(t)) CHECK(*size == bytes.size());
  base::ByteReader reader(bytes);
  std::string json;
  schema::append_json(t, reader, json);
  CHECK(reader.remaining() == 0);
  base::Bytes again;
  CHECK(schema::encode_json(t, json, again) == "");
  CHECK(again == bytes);
  return json;
}

}  // namespace

TEST_CASE("integers are exact to their limits and refused beyond") {
  CHECK(through("\"i8\"", "-128") == "-128");
  CHECK(through("\"i8\"", "128") == "! 128 does not fit into a signed char (-128 to 127)");
  CHECK(through("\"u8\"", "255") == "255");
  CHECK(through("\"u8\"", "256") == "! 256 does not fit into an unsigned char (0 to 255)");
  CHECK(through("\"u8\"", "-1") == "! -1 does not fit into an unsigned char (0 to 255)");
  CHECK(through("\"i16\"", "-32768") == "-32768");
  CHECK(through("\"u16\"", "65536")[0] == '!');
  CHECK(through("\"i32\"", "2147483647") == "2147483647");
  CHECK(through("\"i32\"", "2147483648") == "! 2147483648 does not fit into an int (-2147483648 to 2147483647)");
  CHECK(through("\"i64\"", "-9223372036854775808") == "-9223372036854775808");
  CHECK(through("\"i64\"", "9223372036854775808")[0] == '!');
  CHECK(through("\"u64\"", "18446744073709551615") == "18446744073709551615");
  CHECK(through("\"u64\"", "18446744073709551616")[0] == '!');
  CHECK(through("\"u64\"", "0xffffffffffffffff") == "18446744073709551615");
  for (const char* bad : {"", "abc", "1.5", "1e3", "--1", "1 ", " 1", "0x", "+", "١"}) {
    CHECK(through("\"i32\"", bad) == "! '" + std::string(bad) + "' is not an int");
  }
}

TEST_CASE("floating-point values survive text, also the odd ones") {
  for (const char* type : {"\"f32\"", "\"f64\"", "\"f80\""}) {
    CHECK(through(type, "-0.0") == "-0.0");
    CHECK(through(type, "nan") == "\"NaN\"");
    CHECK(through(type, "inf") == "\"Infinity\"");
    CHECK(through(type, "-Infinity") == "\"-Infinity\"");
    for (const char* bad : {"1.5.2", "--1", "+-1", "0x-1", "null", "infi", ""}) CHECK(through(type, bad)[0] == '!');
    CHECK(through(type, "1e5000")[0] == '!');
    CHECK(through(type, "0x1p-1") == "0.5");
  }
  CHECK(through("\"f64\"", "5e-324") == "5e-324");
  CHECK(through("\"f64\"", "1e-400") == "0");
  CHECK(through("\"f64\"", "1e400")[0] == '!');
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    if (value != value || value - value != 0) continue;
    base::Bytes bytes, again;
    base::append_value(bytes, value);
    base::ByteReader reader(bytes);
    std::string text;
    schema::append_plain(type_of("\"f64\""), reader, text);
    REQUIRE(schema::encode_text(type_of("\"f64\""), text, again) == "");
    REQUIRE(again == bytes);
  }
}

TEST_CASE("texts keep every byte they can in JSON") {
  CHECK(through("\"string\"", "a\"b\\c\n\t") == R"("a\"b\\c\n\t")");
  CHECK(through("\"string\"", "häß") == "\"häß\"");
  base::Bytes bytes;
  base::append_text(bytes, std::string("a\0b\xff\xc3(\xe2\x82", 8));
  base::ByteReader reader(bytes);
  std::string json;
  schema::append_json(type_of("\"string\""), reader, json);
  CHECK(json == "\"a\\u0000b\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(through("\"char\"", "x") == "\"x\"");
  CHECK(through("\"char\"", "xy") == "! 'xy' is not a single character");
  CHECK(through("\"bool\"", "true") == "true");
  CHECK(through("\"bool\"", "0") == "false");
  CHECK(through("\"bool\"", "yes") == "! 'yes' is not a bool");
}

TEST_CASE("structured values are JSON and say what does not fit") {
  const std::string point = R"({"struct":"Point","fields":[["x","f64"],["n","i32"]]})";
  CHECK(through("{\"vector\":\"f64\"}", "[1, 2.5]") == "[1,2.5]");
  CHECK(through("{\"vector\":\"i32\"}", "[1, \"a\"]") == "! element 2: '\"a\"' is not an int");
  CHECK(through("{\"array\":\"i32\",\"size\":2}", "[1]") == "! an array of 2 elements is wanted, not of 1");
  CHECK(through(point, R"({"n": 3, "x": 0.5})") == R"({"x":0.5,"n":3})");
  CHECK(through(point, "[0.5, 3]") == R"({"x":0.5,"n":3})");
  CHECK(through(point, R"({"x": 1})") == "! field 'n' is missing");
  CHECK(through(point, R"({"x": 1, "n": 2, "z": 3})") == "! a Point has no field 'z': did you mean 'x'?");
  CHECK(through(point, R"({"x": 1, "n": 2.5})") == "! field 'n': '2.5' is not an int");
  CHECK(through("{\"map\":[\"string\",\"i32\"]}", R"({"b": 1, "a": 2})") == R"({"b":1,"a":2})");
  CHECK(through("{\"map\":[{\"tuple\":[\"i32\",\"i32\"]},\"bool\"]}", "[[[1,2],true]]") == "[[[1,2],true]]");
  CHECK(through("{\"optional\":\"i32\"}", "null") == "null");
  CHECK(through("{\"optional\":\"i32\"}", "4") == "4");
  CHECK(through("{\"tuple\":[\"i32\",\"string\"]}", "[1]") == "! 2 elements are wanted, not 1");
  CHECK(through("{\"vector\":\"i32\"}", "[1,")[0] == '!');
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  CHECK(through("{\"vector\":\"i32\"}", deep)[0] == '!');
}

TEST_CASE("malformed bytes are noticed and never read past") {
  const Type type = type_of(R"({"vector":{"map":["string",{"optional":"f64"}]}})");
  base::Bytes bytes;
  REQUIRE(schema::encode_text(type, R"([{"a": 1, "b": null}, {}])", bytes) == "");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const base::Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_FALSE(schema::encoded_size(type, cut));
  }
  base::Bytes huge = bytes;
  huge[7] = 0x7f;  // a vector of 2^62 maps
  CHECK_FALSE(schema::encoded_size(type, huge));
}

TEST_CASE("a value that is long is told in few words") {
  const auto brief = [](const std::string& type, const std::string& text) {
    base::Bytes bytes;
    const Type t = type_of(type);
    CHECK(schema::encode_text(t, text, bytes) == "");
    std::string out;
    schema::append_brief(t, bytes, out);
    return out;
  };
  const auto list = [](int n, const std::string& item) {
    std::string text = "[" + item;
    for (int i = 1; i < n; ++i) text += "," + item;
    return text + "]";
  };
  const std::string numbers = R"({"vector":"f64"})", rows = R"({"vector":)" + numbers + "}";
  CHECK(brief("\"i32\"", "7") == "7");
  CHECK(brief(numbers, "[1,2,3]") == "[1,2,3]");
  CHECK(brief(numbers, list(100, "1.5")) == "(100 values)");
  CHECK(brief(rows, "[[1,2],[3,4]]") == "[[1,2],[3,4]]");
  CHECK(brief(rows, list(40, "[1,2]")) == "(40 x 2)");
  CHECK(brief(rows, list(4000, "[1,2]")) == "(4000 x 2)");
  CHECK(brief(rows, "[[1]," + list(4000, "[1,2]").substr(1)) == "(4001 values)");
  CHECK(brief(R"({"vector":{"array":"f64","size":3}})", list(4000, "[1,2,3]")) == "(4000 x 3)");
  CHECK(brief("\"string\"", std::string(81, 'a')) == std::string(80, 'a') + "…");
  CHECK(brief("\"string\"", "b" + std::string(79, 'a') + "ü") == "b" + std::string(79, 'a') + "…");
  CHECK(brief("\"string\"", std::string(79, 'a') + "ü…") == std::string(79, 'a') + "…");
}

TEST_CASE("a damaged schema is refused with a sentence") {
  const auto refused = [](const std::string& json) {
    CHECK_THROWS_WITH(type_of(json), Catch::Contains("the schema in 'test' is damaged"));
  };
  refused("\"i128\"");
  refused("7");
  refused("{}");
  refused("{\"vector\":\"void\"}");
  refused("{\"map\":[\"i32\"]}");
  refused("{\"array\":\"i32\",\"size\":99999999999}");
  refused("{\"struct\":\"S\"}");
  std::string nested = "\"i32\"";
  for (int i = 0; i < 100; ++i) nested = "{\"vector\":" + nested + "}";
  refused(nested);
  CHECK_THROWS_AS(schema::parse_description("rubbish", "test"), base::Error);
}
