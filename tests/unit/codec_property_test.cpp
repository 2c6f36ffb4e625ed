// Random values of every std type that travels: their bytes are cereal's, and they come back as they were.
#include <array>
#include <catch2/catch.hpp>
#include <cereal/archives/binary.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>
#include <filesystem>
#include <random>
#include <sstream>

#include "jobhost/sdk/codec.hpp"

namespace sdk = jobhost::sdk;

namespace {

/// Makes values of any type out of one stream of random numbers.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  template <class T>
  T make() {
    if constexpr (std::is_same_v<T, bool>) {
      return number() % 2 == 0;
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(number() % 3 == 0 ? number() % 10 : number());
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(std::normal_distribution<double>(0, 1e3)(engine_));
    } else if constexpr (sdk::String<T>) {
      T text(size(), ' ');
      for (char& c : text) c = static_cast<char>(number());
      return text;
    } else if constexpr (sdk::Duration<T>) {
      return T(make<typename T::rep>());
    } else if constexpr (sdk::Complex<T>) {
      return T(make<typename T::value_type>(), make<typename T::value_type>());
    } else if constexpr (sdk::UniquePointer<T>) {
      using Item = typename T::element_type;
      return number() % 4 == 0 ? nullptr : std::make_unique<Item>(make<Item>());
    } else if constexpr (sdk::Variant<T>) {
      return variant<T>(std::make_index_sequence<std::variant_size_v<T>>{});
    } else if constexpr (sdk::Map<T>) {
      T map;
      for (std::size_t left = size(); left > 0; --left) {
        map.emplace(make<typename T::key_type>(), make<typename T::mapped_type>());
      }
      return map;
    } else if constexpr (sdk::Set<T>) {
      T set;
      for (std::size_t left = size(); left > 0; --left) set.insert(make<typename T::key_type>());
      return set;
    } else if constexpr (sdk::Optional<T>) {
      return number() % 4 == 0 ? T() : T(make<typename T::value_type>());
    } else if constexpr (sdk::StdArray<T>) {
      T array;
      for (auto& item : array) item = make<typename T::value_type>();
      return array;
    } else if constexpr (sdk::Sequence<T>) {
      T list;
      for (std::size_t left = size(); left > 0; --left) list.push_back(make<typename T::value_type>());
      return list;
    } else {
      return tuple<T>(std::make_index_sequence<std::tuple_size_v<T>>{});
    }
  }

 private:
  std::uint64_t number() { return engine_(); }
  std::size_t size() { return number() % 8 == 0 ? number() % 300 : number() % 6; }
  template <class T, std::size_t... I>
  T tuple(std::index_sequence<I...>) {
    return T{make<std::tuple_element_t<I, T>>()...};
  }
  template <class T, std::size_t... I>
  T variant(std::index_sequence<I...>) {
    T value;
    const std::size_t chosen = number() % sizeof...(I);
    ((chosen == I ? (void)(value = make<std::variant_alternative_t<I, T>>()) : void()), ...);
    return value;
  }
  std::mt19937_64 engine_;
};

struct Memory {
  Memory() {
    sink.host = this;
    sink.grow = [](jobhost_sink* s, std::uint64_t wanted) {
      auto* self = static_cast<Memory*>(s->host);
      self->bytes.resize(2 * wanted);
      s->data = reinterpret_cast<unsigned char*>(self->bytes.data());
      s->capacity = self->bytes.size();
      return 0;
    };
  }
  std::string bytes;
  jobhost_sink sink{};
};

template <class T>
std::string by_jobhost(const T& value) {
  Memory memory;
  sdk::SinkWriter writer(memory.sink);
  sdk::encode(writer, value);
  return memory.bytes.substr(0, memory.sink.used);
}

template <class T>
std::string by_cereal(const T& value) {
  std::ostringstream stream;
  cereal::BinaryOutputArchive archive(stream);
  archive(value);
  return stream.str();
}

template <class T>
T decoded(const std::string& bytes) {
  T back{};
  sdk::Reader reader(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  sdk::decode(reader, back);
  CHECK(reader.left() == 0);
  return back;
}

using Nested = std::map<std::string, std::vector<std::tuple<int, std::optional<double>, std::set<short>>>>;

}  // namespace

TEMPLATE_TEST_CASE("random values have cereal's bytes and come back the same", "", bool, char, int, unsigned long,
                   float, double, std::string, std::vector<double>, std::vector<bool>, std::vector<std::string>,
                   std::deque<int>, std::list<std::string>, (std::array<float, 5>), (std::pair<int, std::string>),
                   (std::tuple<char, double, long>), (std::map<int, std::string>), (std::multimap<short, int>),
                   std::set<std::string>, std::multiset<short>, std::optional<std::string>, std::complex<double>,
                   std::chrono::milliseconds, (std::chrono::duration<double>), std::unique_ptr<std::string>,
                   (std::variant<int, std::string, std::vector<double>>), (std::unordered_map<std::string, double>),
                   (std::unordered_map<int, std::vector<int>>), std::unordered_set<int>,
                   std::unordered_set<std::string>, Nested) {
  Random random(20'261);
  for (int round = 0; round < 100; ++round) {
    const auto value = random.make<TestType>();
    const std::string bytes = by_jobhost(value);
    REQUIRE(bytes == by_cereal(value));
    REQUIRE(by_jobhost(decoded<TestType>(bytes)) == bytes);
  }
}

TEMPLATE_TEST_CASE("unordered containers keep the order they were sent in, however they grew", "",
                   std::unordered_set<int>, std::unordered_set<std::string>, (std::unordered_map<int, double>),
                   (std::unordered_map<std::string, double>)) {
  Random random(7);
  for (int round = 0; round < 60; ++round) {
    TestType container;
    if (round % 3 == 1) container.reserve(static_cast<std::size_t>(round) * 5);
    for (int i = 0; i < round * round; ++i) {
      auto more = random.make<TestType>();
      container.insert(more.begin(), more.end());
      if (i % 5 == 4 && !container.empty()) container.erase(container.begin());
      if (container.size() > 3000) break;
    }
    const auto back = decoded<TestType>(by_jobhost(container));
    REQUIRE(std::equal(container.begin(), container.end(), back.begin(), back.end()));
  }
}

TEST_CASE("paths travel as their text") {
  const std::filesystem::path path("/a/b c/\xff.txt");
  CHECK(by_jobhost(path) == by_cereal(path.native()));
  CHECK(decoded<std::filesystem::path>(by_jobhost(path)) == path);
}

namespace {

struct WithArrays {
  int n[3];
  char tag;
  double m[2][2];
  std::string name;
  std::pair<int, int> pairs[2];
};
struct Big {
  unsigned char raw[100];
  std::vector<int> list;
};

}  // namespace

TEST_CASE("arrays inside structs are one field each") {
  CHECK(sdk::count_fields<WithArrays>() == 5);
  CHECK(sdk::count_fields<Big>() == 2);
  CHECK(sdk::fixed_size<WithArrays>() == 0);
  WithArrays value{{1, 2, 3}, 'x', {{1, 2}, {3, 4}}, "name", {{5, 6}, {7, 8}}};
  const auto back = decoded<WithArrays>(by_jobhost(value));
  CHECK(back.n[2] == 3);
  CHECK(back.m[1][0] == 3);
  CHECK(back.name == "name");
  CHECK(back.pairs[1].second == 8);
}
