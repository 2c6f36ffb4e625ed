#include "host/explanation.hpp"

#include <catch2/catch.hpp>

using namespace jobhost;

TEST_CASE("a message that repeats the type is said once") {
  host::Explanation words;
  words.kind = "exception";
  words.type = words.what = "std::bad_alloc";
  CHECK(host::headline(words) == "std::bad_alloc");
  words.what = "no room";
  CHECK(host::headline(words) == "std::bad_alloc: no room");
  words.type = "";
  words.kind = "crash";
  CHECK(host::headline(words) == "crash: no room");
}

TEST_CASE("long names of functions lose template arguments first, then parameters") {
  const std::string name = "void std::for_each<int*, ns::F<3> >(int*, std::vector<double>)";
  CHECK(host::shortened(name, 100) == name);
  CHECK(host::shortened(name, 60) == "void std::for_each<…>(int*, std::vector<…>)");
  CHECK(host::shortened(name, 30) == "void std::for_each<…>(…)");
  CHECK(host::shortened("bool operator<(long, long)", 20) == "bool operator<(…)");
  CHECK(host::shortened(std::string(100, 'f'), 20) == std::string(40, 'f') + "…");
}
