#include <catch2/catch.hpp>
#include <charconv>
#include <limits>

#include "report/rows.hpp"

using namespace jobhost;

namespace {

schema::Kernel kernel_of(const std::string& type) {
  return schema::kernel_from_json(R"({"name":"f","symbol":"s","signature":"","file":"","line":1,"doc":"",
    "params":[{"name":"a rather long name, longer than a block","type":")" +
                                      type + R"("}],"result":")" + type + "\"}",
                                  "test");
}

template <class T>
std::string text_of(T value) {
  char text[48];
  return {text, std::to_chars(text, text + sizeof text, +value).ptr};
}

/// The ends of the type, all powers of ten and two, and their neighbours, up and down and again.
template <class T>
std::vector<T> edges() {
  std::vector<T> values{0, 1, 99, 100, 101, std::numeric_limits<T>::max(), std::numeric_limits<T>::min()};
  const auto around = [&](T value) {
    for (const int by : {-100, -1, 0, 1, 2}) {
      const auto near = static_cast<T>(static_cast<std::uint64_t>(value) + static_cast<std::uint64_t>(by));
      values.push_back(near);
      values.push_back(static_cast<T>(0 - static_cast<std::uint64_t>(near)));
    }
  };
  for (std::uint64_t base : {2u, 10u}) {
    for (std::uint64_t power = 1; power <= std::numeric_limits<std::uint64_t>::max() / base; power *= base) {
      around(static_cast<T>(power));
    }
  }
  around(std::numeric_limits<T>::max());
  const std::vector<T> up = values;
  values.insert(values.end(), up.rbegin(), up.rend());
  for (int i = 0; i < 1000; ++i) values.push_back(static_cast<T>(i * 3));
  return values;
}

template <class T>
void rows_equal_to_chars(const std::string& type) {
  INFO(type);
  const auto values = edges<T>();
  for (const auto format : {report::Format::kCsv, report::Format::kJsonl}) {
    const bool csv = format == report::Format::kCsv;
    const std::string name = "a rather long name, longer than a block";
    std::string out, expected = csv ? "task,\"" + name + "\",result,error\n" : "";
    auto writer = report::make_row_writer(format, kernel_of(type), [&](std::string_view text) { out += text; });
    const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
    const jobhost_column column{bytes, nullptr, sizeof(T), sizeof(T)};
    constexpr std::uint64_t kFirst = 9'999'990;
    writer->results(kFirst, values.size(), {column}, column);
    writer->finish();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string task = std::to_string(kFirst + i), value = text_of(values[i]);
      expected += csv ? task + "," + value + "," + value + ",\n"
                      : "{\"task\": " + task + ", \"" + name + "\": " + value + ", \"result\": " + value + "}\n";
    }
    CHECK((out == expected));
  }
}

}  // namespace

TEST_CASE("rows of whole numbers are the bytes of std::to_chars, whatever number was before") {
  rows_equal_to_chars<std::int8_t>("i8");
  rows_equal_to_chars<std::uint8_t>("u8");
  rows_equal_to_chars<std::int16_t>("i16");
  rows_equal_to_chars<std::uint16_t>("u16");
  rows_equal_to_chars<std::int32_t>("i32");
  rows_equal_to_chars<std::uint32_t>("u32");
  rows_equal_to_chars<std::int64_t>("i64");
  rows_equal_to_chars<std::uint64_t>("u64");
}

TEST_CASE("rows of floating-point numbers are the bytes of std::to_chars") {
  const std::vector<double> values{0,
                                   0.1,
                                   1.0 / 3,
                                   1e22,
                                   1e23,
                                   123456789012345680,
                                   5e-324,
                                   -1e-5,
                                   1e-300,
                                   -2.5,
                                   100000,
                                   1e100,
                                   std::numeric_limits<double>::max()};
  std::string out, expected = "task,\"a rather long name, longer than a block\",result,error\n";
  auto writer =
      report::make_row_writer(report::Format::kCsv, kernel_of("f64"), [&](std::string_view text) { out += text; });
  const jobhost_column column{reinterpret_cast<const unsigned char*>(values.data()), nullptr, 8, 8};
  writer->results(0, values.size(), {column}, column);
  writer->finish();
  for (std::size_t i = 0; i < values.size(); ++i) {
    expected += std::to_string(i) + "," + text_of(values[i]) + "," + text_of(values[i]) + ",\n";
  }
  CHECK(out == expected);
}
