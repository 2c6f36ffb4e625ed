// The decoder that plugins are compiled with, against what the host takes for a value of the same type.
#include <array>
#include <chrono>
#include <complex>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "harness.hpp"
#include "jobhost/sdk/codec.hpp"
#include "schema/value.hpp"

using namespace jobhost;

namespace {

enum class Colour : std::uint8_t { kRed, kGreen };
struct Point {
  double x;
  float y;
  Colour colour;
};
struct Body {
  std::string name;
  std::vector<Point> path;
  std::optional<std::map<std::string, Point>> marks;
};

/// What a matrix class needs to count as one, after Eigen's.
class Grid {
 public:
  using Scalar = double;
  using PlainObject = Grid;
  enum { RowsAtCompileTime = -1, ColsAtCompileTime = -1 };
  long rows() const { return rows_; }
  long cols() const { return cols_; }
  long size() const { return rows_ * cols_; }
  void resize(long rows, long cols) {
    items_.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols));
    rows_ = rows;
    cols_ = cols;
  }
  const double& coeff(long row, long col) const { return items_.at(static_cast<std::size_t>(row * cols_ + col)); }
  double& coeffRef(long row, long col) { return items_.at(static_cast<std::size_t>(row * cols_ + col)); }

 private:
  long rows_ = 0, cols_ = 0;
  std::vector<double> items_;
};

/// `words`: the type as a schema has it.
template <class T>
void decode_as(const char* words, base::ByteView bytes) {
  static const schema::Type type = schema::type_from_json(words, "codec");
  const auto size = schema::encoded_size(type, bytes);
  try {
    sdk::Reader reader(bytes.data(), bytes.size());
    const auto value = std::make_unique<T>();
    sdk::decode(reader, *value);
    const std::uint64_t read = bytes.size() - reader.left();
    fuzz::require(size == read, "host and plugin see values of one size");
    sdk::CountingWriter writer;
    sdk::encode(writer, *value);
    fuzz::require(writer.size() <= read, "a value does not grow");  // keys that occur twice are dropped
  } catch (const sdk::MalformedInput&) {
    // Rows of a matrix are of one length, which the host does not know.
    fuzz::require(!size || sdk::Matrix<T>, "what the host takes for a value the plugin decodes");
  }
}

#define POINT \
  R"({"struct": "Point", "fields": [["x", "f64"], ["y", "f32"], ["colour", {"enum": "Colour", "of": "u8"}]]})"
#define BODY                                                                        \
  R"({"struct": "Body", "fields": [["name", "string"], ["path", {"vector": )" POINT \
  R"(}], ["marks", {"optional": {"map": ["string", )" POINT "]}}]]}"

constexpr void (*kDecoders[])(base::ByteView) = {
    [](base::ByteView bytes) { decode_as<int>(R"("i32")", bytes); },
    [](base::ByteView bytes) { decode_as<long double>(R"("f80")", bytes); },
    [](base::ByteView bytes) { decode_as<std::string>(R"("string")", bytes); },
    [](base::ByteView bytes) { decode_as<std::vector<double>>(R"({"vector": "f64"})", bytes); },
    [](base::ByteView bytes) { decode_as<std::vector<std::string>>(R"({"vector": "string"})", bytes); },
    [](base::ByteView bytes) {
      decode_as<std::vector<std::vector<std::vector<int>>>>(R"({"vector": {"vector": {"vector": "i32"}}})", bytes);
    },
    [](base::ByteView bytes) {
      decode_as<std::map<std::string, std::vector<int>>>(R"({"map": ["string", {"vector": "i32"}]})", bytes);
    },
    [](base::ByteView bytes) {
      decode_as<std::unordered_map<std::string, double>>(R"({"map": ["string", "f64"]})", bytes);
    },
    [](base::ByteView bytes) { decode_as<std::unordered_set<int>>(R"({"vector": "i32"})", bytes); },
    [](base::ByteView bytes) {
      decode_as<std::set<std::pair<int, char>>>(R"({"vector": {"tuple": ["i32", "char"]}})", bytes);
    },
    [](base::ByteView bytes) {
      decode_as<std::optional<std::optional<std::string>>>(R"({"optional": {"optional": "string"}})", bytes);
    },
    [](base::ByteView bytes) {
      decode_as<std::unique_ptr<std::vector<std::unique_ptr<int>>>>(R"({"pointer": {"vector": {"pointer": "i32"}}})",
                                                                    bytes);
    },
    [](base::ByteView bytes) {
      decode_as<std::variant<int, std::string, std::vector<std::string>>>(
          R"({"variant": ["i32", "string", {"vector": "string"}]})", bytes);
    },
    [](base::ByteView bytes) {
      decode_as<std::tuple<bool, char, std::complex<float>>>(
          R"({"tuple": ["bool", "char", {"tuple": ["f32", "f32"]}]})", bytes);
    },
    [](base::ByteView bytes) {
      decode_as<std::array<std::array<std::string, 20>, 50>>(
          R"({"array": {"array": "string", "size": 20}, "size": 50})", bytes);
    },
    [](base::ByteView bytes) {
      decode_as<std::vector<std::array<std::vector<int>, 200>>>(
          R"({"vector": {"array": {"vector": "i32"}, "size": 200}})", bytes);
    },
    [](base::ByteView bytes) { decode_as<Body>(BODY, bytes); },
    [](base::ByteView bytes) { decode_as<std::vector<Body>>(R"({"vector": )" BODY "}", bytes); },
    [](base::ByteView bytes) { decode_as<std::deque<bool>>(R"({"vector": "bool"})", bytes); },
    [](base::ByteView bytes) { decode_as<std::vector<bool>>(R"({"vector": "bool"})", bytes); },
    [](base::ByteView bytes) {
      decode_as<std::list<std::optional<Point>>>(R"({"vector": {"optional": )" POINT R"(}})", bytes);
    },
    [](base::ByteView bytes) { decode_as<std::filesystem::path>(R"("string")", bytes); },
    [](base::ByteView bytes) { decode_as<std::vector<std::chrono::nanoseconds>>(R"({"vector": "i64"})", bytes); },
    [](base::ByteView bytes) { decode_as<Grid>(R"({"vector": {"vector": "f64"}})", bytes); },
    [](base::ByteView bytes) {
      decode_as<std::vector<std::variant<std::vector<int>, std::map<int, int>>>>(
          R"({"vector": {"variant": [{"vector": "i32"}, {"map": ["i32", "i32"]}]}})", bytes);
    },
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned which = input.byte();
  // A copy at an odd place: values are not aligned.
  base::Bytes bytes{0};
  bytes.insert(bytes.end(), input.rest().begin(), input.rest().end());
  const auto value = base::ByteView(bytes).subspan(1);
  kDecoders[which % std::size(kDecoders)](value);
  return 0;
}
