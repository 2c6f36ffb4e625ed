#include "schema/difference.hpp"

#include <catch2/catch.hpp>

using namespace jobhost;

namespace {

schema::Kernel kernel(const std::string& parameters) {
  return schema::kernel_from_json(R"({"name":"f","symbol":"s","signature":"","file":"","line":1,"doc":"","params":[)" +
                                      parameters + R"(],"result":"void"})",
                                  "test");
}

std::string point(const std::string& fields, const std::string& name = "Point") {
  return R"({"name":"p","type":{"struct":")" + name + R"(","fields":[)" + fields + "]}}";
}

const std::string n_int = R"({"name":"n","type":"i32"})", n_double = R"({"name":"n","type":"f64"})",
                  m_int = R"({"name":"m","type":"i32"})", vector_int = R"({"name":"v","type":{"vector":"i32"}})",
                  vector_double = R"({"name":"v","type":{"vector":"f64"}})", x = R"(["x","f64"])", y = R"(["y","f64"])",
                  y_float = R"(["y","f32"])";

}  // namespace

TEST_CASE("the first difference of two signatures is named") {
  const auto difference = [](const std::string& was, const std::string& is) {
    return schema::parameter_difference(kernel(was), kernel(is));
  };
  CHECK(difference(n_int, n_int).empty());
  CHECK(difference(n_int, m_int).empty());
  CHECK(difference(n_int, n_double) == "parameter 'n' was int and is double now");
  CHECK(difference(n_int, n_int + "," + m_int) == "parameter 'm' (int) is new");
  CHECK(difference(n_int + "," + m_int, n_int) == "parameter 'm' (int) is gone");
  CHECK(difference(vector_int, vector_double) == "parameter 'v' was std::vector<int> and is std::vector<double> now");
  CHECK(difference(point(x + "," + y), point(x + "," + y_float)) ==
        "field 'y' of parameter 'p' (Point) was double and is float now");
  CHECK(difference(point(x + "," + y), point(x)) == "field 'y' of parameter 'p' (Point) is gone");
  CHECK(difference(point(x), point(x + "," + y)) == "field 'y' of parameter 'p' (Point) is new");
  CHECK(difference(point(x + "," + y), point(y + "," + x)) ==
        "field 'x' of parameter 'p' (Point) stood where field 'y' is now");
  CHECK(difference(point(x), point(x, "Vector")) == "parameter 'p' was Point and is Vector now");
  const std::string enum_int = R"({"name":"c","type":{"enum":"Color","of":"i32"}})",
                    enum_byte = R"({"name":"c","type":{"enum":"Color","of":"u8"}})";
  CHECK(difference(enum_int, enum_byte) == "parameter 'c' is another Color now");
}

TEST_CASE("a field is named through what holds it") {
  const auto in_vector = [](const std::string& field) {
    return R"({"name":"ps","type":{"vector":{"struct":"Point","fields":[["at",{"struct":"Place","fields":[)" + field +
           "]}]]}}}";
  };
  CHECK(schema::parameter_difference(kernel(in_vector(y)), kernel(in_vector(y_float))) ==
        "field 'at.y' of parameter 'ps' (std::vector<Point>) was double and is float now");
}
