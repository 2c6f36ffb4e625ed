#include "jobhost/sdk/codec.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cereal/archives/binary.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/vector.hpp>
#include <cmath>
#include <complex>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <variant>

#include "jobhost/sdk/schema.hpp"

namespace sdk = jobhost::sdk;

namespace {

enum class Color : short { kRed = 1, kBlue = -2 };
struct Point {
  double x;
  int n;
  friend bool operator==(const Point&, const Point&) = default;
};
struct Shape {
  std::string name;
  std::vector<Point> corners;
  std::optional<Color> color;
  std::map<std::string, std::array<float, 2>> extras;
  friend bool operator==(const Shape&, const Shape&) = default;
};
template <class Archive>
void serialize(Archive& archive, Point& p) {
  archive(p.x, p.n);
}
template <class Archive>
void serialize(Archive& archive, Shape& s) {
  archive(s.name, s.corners, s.color, s.extras);
}

/// A sink over growing memory.
struct Memory {
  Memory() {
    sink.host = this;
    sink.grow = [](jobhost_sink* s, std::uint64_t wanted) {
      auto* self = static_cast<Memory*>(s->host);
      self->bytes.resize(wanted);
      s->data = self->bytes.data();
      s->capacity = wanted;
      return 0;
    };
  }
  std::vector<unsigned char> bytes;
  jobhost_sink sink{};
};

template <class T>
std::string encoded(const T& value) {
  Memory memory;
  sdk::SinkWriter writer(memory.sink);
  sdk::encode(writer, value);
  return std::string(memory.bytes.begin(), memory.bytes.begin() + static_cast<std::ptrdiff_t>(memory.sink.used));
}

template <class T>
void agrees_with_cereal(const T& value) {
  std::ostringstream stream;
  {
    cereal::BinaryOutputArchive archive(stream);
    archive(value);
  }
  const std::string bytes = encoded(value);
  CHECK(bytes == stream.str());
  if (sdk::fixed_size<T>() != 0) CHECK(bytes.size() == sdk::fixed_size<T>());
  T back{};
  sdk::Reader reader(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  sdk::decode(reader, back);
  CHECK(reader.left() == 0);
  CHECK(back == value);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    T partial{};
    sdk::Reader cut(reinterpret_cast<const unsigned char*>(bytes.data()), size);
    CHECK_THROWS_AS(sdk::decode(cut, partial), sdk::MalformedInput);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("numbers have cereal's bytes", "", bool, char, signed char, unsigned char, short, unsigned short,
                   int, unsigned, long, unsigned long, long long, float, double) {
  for (const TestType value :
       {TestType(0), TestType(1), std::numeric_limits<TestType>::max(), std::numeric_limits<TestType>::lowest()}) {
    agrees_with_cereal(value);
  }
}

TEST_CASE("std types have cereal's bytes") {
  agrees_with_cereal(Color::kBlue);
  agrees_with_cereal(std::string("text \0 with a zero", 18));
  agrees_with_cereal(std::string());
  agrees_with_cereal(std::vector<double>{1, -0.0, 1e300});
  agrees_with_cereal(std::vector<bool>{true, false, true});
  agrees_with_cereal(std::vector<std::string>{"a", "", "ccc"});
  agrees_with_cereal(std::vector<std::vector<int>>{{1}, {}, {2, 3}});
  agrees_with_cereal(std::deque<int>{1, 2, 3});
  agrees_with_cereal(std::list<std::string>{"x", "y"});
  agrees_with_cereal(std::array<int, 3>{1, 2, 3});
  agrees_with_cereal(std::array<std::string, 2>{"a", "b"});
  agrees_with_cereal(std::pair<int, std::string>{4, "four"});
  agrees_with_cereal(std::tuple<int, double, std::string>{1, 2.5, "x"});
  agrees_with_cereal(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  agrees_with_cereal(std::map<int, std::vector<double>>{{1, {2}}, {3, {}}});
  agrees_with_cereal(std::optional<int>{});
  agrees_with_cereal(std::optional<int>{7});
  agrees_with_cereal(std::optional<std::string>{"seven"});
}

TEST_CASE("aggregates are their fields in order") {
  agrees_with_cereal(Point{0.5, -3});
  agrees_with_cereal(Shape{"triangle", {{1, 2}, {3, 4}}, Color::kRed, {{"e", {1, 2}}}});
  CHECK(sdk::fixed_size<Point>() == 12);
  CHECK(sdk::fixed_size<Shape>() == 0);
}

TEST_CASE("the padding of long double is zero") {
  const std::string bytes = encoded(std::sqrt(2.0L));
  CHECK(bytes.size() == 16);
  CHECK(bytes.substr(10) == std::string(6, '\0'));
}

TEST_CASE("a length beyond the bytes that remain allocates nothing") {
  std::vector<unsigned char> bytes(16, 0xff);
  std::vector<double> values;
  std::string text;
  std::map<int, int> map;
  sdk::Reader one(bytes.data(), bytes.size()), two(bytes.data(), bytes.size()), three(bytes.data(), bytes.size());
  CHECK_THROWS_AS(sdk::decode(one, values), sdk::MalformedInput);
  CHECK_THROWS_AS(sdk::decode(two, text), sdk::MalformedInput);
  CHECK_THROWS_AS(sdk::decode(three, map), sdk::MalformedInput);
}

TEST_CASE("types describe themselves") {
  const auto described = [](auto put) {
    std::string text(4096, '\0');
    sdk::Text out(text.data());
    put(out);
    return text.substr(0, out.size());
  };
  CHECK(described([](auto& out) {
          sdk::put_type<Shape>(out);
        }).find(R"(","fields":[["name","string"],["corners",{"vector":{"struct":")") != std::string::npos);
  CHECK(described([](auto& out) { sdk::put_type<std::tuple<int, std::optional<float>>>(out); }) ==
        R"({"tuple":["i32",{"optional":"f32"}]})");
  CHECK(described([](auto& out) { sdk::put_type<std::map<std::string, std::array<unsigned char, 4>>>(out); }) ==
        R"({"map":["string",{"array":"u8","size":4}]})");
}

TEST_CASE("what cannot travel is known") {
  CHECK_FALSE(sdk::parameter_travels<FILE*>());
  CHECK_FALSE(sdk::parameter_travels<const double*>());
  CHECK_FALSE(sdk::parameter_travels<FILE*&>());
  CHECK_FALSE(sdk::parameter_travels<std::shared_ptr<int>>());
  CHECK(sdk::parameter_travels<int&>());
  CHECK(sdk::parameter_travels<std::unique_ptr<int>>());
  CHECK_FALSE(sdk::result_travels<std::string_view>());
  CHECK_FALSE(sdk::result_travels<const char*>());
  CHECK(sdk::parameter_travels<const char*>());
  CHECK(sdk::parameter_travels<std::string_view>());
  CHECK(sdk::parameter_travels<const Shape&>());
  CHECK(sdk::parameter_travels<Shape&&>());
  CHECK(sdk::result_travels<void>());
}

namespace {

enum Huge : __int128 {};
struct Empty {};
struct Empties {
  int n;
  Empty items[3];
};
struct Node {
  int value;
  std::vector<Node> children;
};
struct Tree {
  int value;
  std::unique_ptr<Tree> left, right;
};
struct Json : std::variant<double, std::vector<Json>, std::map<std::string, Json>> {};
struct Forest {
  std::vector<Tree> trees;
};
struct Sphere : Point {
  double radius;
};
struct Tagged : Empty {
  int tag;
};
struct Renamed : Point {};
struct OneField {
  int n;
};
struct Strong : OneField {};
struct Member {
  int n;
  Sphere sphere;
};
struct Choice {
  int kind;
  union {
    int i;
    double d;
  };
};
struct Bits {
  unsigned low : 3, high : 5;
};
/// A list that can be made of anything.
struct Anything : std::vector<int> {
  Anything() = default;
  template <class T>
  Anything(T&&) {}
};
struct WithAnything {
  Anything list;
  int n;
};

}  // namespace

TEMPLATE_TEST_CASE("what has no words in the schema cannot travel", "", __int128, unsigned __int128, Huge, __float128,
                   std::vector<__int128>, std::complex<__float128>, wchar_t) {
  CHECK_FALSE(sdk::parameter_travels<TestType>());
  CHECK_FALSE(sdk::result_travels<TestType>());
  CHECK_FALSE(sdk::parameter_travels<std::span<const __float128>>());
}

TEMPLATE_TEST_CASE("lists of values without bytes cannot travel", "", (std::vector<std::array<double, 0>>),
                   std::vector<Empty>, (std::array<Empty, 3>), std::vector<std::monostate>, std::vector<std::tuple<>>,
                   (std::map<std::monostate, Empty>), std::set<std::monostate>, Empties) {
  CHECK_FALSE(sdk::value_travels<TestType>());
}
TEMPLATE_TEST_CASE("values without bytes travel outside of lists", "", Empty, std::monostate, std::tuple<>,
                   (std::array<double, 0>), std::optional<Empty>, (std::map<std::monostate, int>),
                   (std::vector<std::pair<Empty, int>>), (std::vector<std::variant<std::monostate, int>>)) {
  CHECK(sdk::value_travels<TestType>());
}

TEMPLATE_TEST_CASE("types that contain themselves cannot travel", "", Node, Tree, Json, Forest,
                   (std::map<std::string, Node>)) {
  CHECK_FALSE(sdk::value_travels<TestType>());
}

TEMPLATE_TEST_CASE("what structured bindings do not take apart cannot travel", "", Sphere, Tagged, Renamed, Member,
                   Choice, Bits, std::vector<Bits>) {
  CHECK_FALSE(sdk::value_travels<TestType>());
}
TEST_CASE("a base class with the only field is taken apart, and a field made of anything is no base class") {
  CHECK(sdk::value_travels<Strong>());
  CHECK(encoded(Strong{7}) == encoded(7));
  CHECK(sdk::value_travels<WithAnything>());
}

// --- entries
// ----------------------------------------------------------------------------------------------------------

namespace {

std::uint64_t doubled(std::uint64_t x) {
  if (x == 3) throw std::domain_error("three");
  if (x == 4) {
    try {
      throw std::out_of_range("inner");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  }
  if (x == 5) throw 42;
  if (x == 6) throw std::string("text");
  return 2 * x;
}
std::string repeated(std::uint64_t x) {
  if (x == 3) throw std::domain_error("three");
  return std::string(x, 'a');
}

struct Recorder : Memory {
  Recorder() {
    sink.failed = [](jobhost_sink* s, std::uint64_t i, const jobhost_exception* thrown) {
      auto* self = static_cast<Recorder*>(static_cast<Memory*>(s->host));
      std::string text = std::to_string(i);
      for (; thrown; thrown = thrown->cause) text += std::string(" ") + thrown->type + ":" + thrown->what;
      self->failures.push_back(text);
    };
  }
  std::vector<std::string> failures;
};

}  // namespace

TEST_CASE("an entry goes on behind tasks that throw, and says what they threw") {
  std::uint64_t inputs[10], results[10];
  for (std::uint64_t i = 0; i < 10; ++i) inputs[i] = i;
  const jobhost_column column{reinterpret_cast<const unsigned char*>(inputs), nullptr, 8, 8};
  Recorder recorder;
  recorder.sink.data = reinterpret_cast<unsigned char*>(results);
  recorder.sink.capacity = sizeof results;
  jobhost_progress progress{};
  CHECK(sdk::enter<&doubled>(&column, 10, &recorder.sink, &progress) == 10);
  CHECK(progress.current == 9);
  CHECK(results[2] == 4);
  CHECK(results[3] == 0);
  CHECK(results[9] == 18);
  CHECK(recorder.failures ==
        std::vector<std::string>{"3 St12domain_error:three",
                                 "4 St17_Nested_exceptionISt13runtime_errorE:outer St12out_of_range:inner", "5 i:42",
                                 "6 NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE:text"});
}

TEST_CASE("an entry with results of varying size marks where each ends") {
  const std::uint64_t inputs[] = {2, 3, 1};
  std::uint64_t ends[3] = {};
  const jobhost_column column{reinterpret_cast<const unsigned char*>(inputs), nullptr, 8, 8};
  Recorder recorder;
  recorder.sink.ends = ends;
  jobhost_progress progress{};
  CHECK(sdk::enter<&repeated>(&column, 3, &recorder.sink, &progress) == 3);
  CHECK(ends[0] == 10);
  CHECK(ends[1] == 10);
  CHECK(ends[2] == 19);
  CHECK(recorder.failures.size() == 1);
}

TEST_CASE("an entry stops before the next task when told to") {
  const std::uint64_t input = 1;
  std::uint64_t results[5];
  const jobhost_column column{reinterpret_cast<const unsigned char*>(&input), nullptr, 0, 8};
  Recorder recorder;
  recorder.sink.data = reinterpret_cast<unsigned char*>(results);
  jobhost_progress progress{};
  progress.stop = 1;
  CHECK(sdk::enter<&doubled>(&column, 5, &recorder.sink, &progress) == 0);
}

TEST_CASE("a global's value is told when there is room for it, and nothing is written otherwise") {
  const std::vector<std::string> names{"Ada", ""};
  unsigned char place[64];
  std::memset(place, 0xee, sizeof place);
  std::uint64_t size = 0;
  CHECK(sdk::get_global(&names, nullptr, 0, &size) == 1);
  CHECK(size == 8 + 8 + 3 + 8);
  CHECK(sdk::get_global(&names, place, size - 1, &size) == 1);
  CHECK(place[0] == 0xee);
  CHECK(sdk::get_global(&names, place, sizeof place, &size) == 0);
  CHECK((size == 27 && place[16] == 'A' && place[27] == 0xee));
  std::vector<std::string> copy;
  CHECK(sdk::set_global(&copy, place, size) == 0);
  CHECK(copy == names);
  const std::FILE* const file = nullptr;
  CHECK(sdk::get_global(&file, place, sizeof place, &size) == 2);
}
