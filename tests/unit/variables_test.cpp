#include "plugin/variables.hpp"

#include <elf.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <map>

#include "base/file.hpp"
#include "plugin/debug_variables.hpp"
#include "plugin/elf_file.hpp"
#include "plugin/producer.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

namespace {

/// Addresses of the data symbols of a library, by mangled name.
std::map<std::string, std::uint64_t> data_symbols(const std::string& path) {
  base::PosixEnv env;
  const plugin::ElfFile file(env, path);
  const auto symbols = file.section(".symtab", 1 << 30), names = file.section(".strtab", 1 << 30);
  REQUIRE(symbols);
  REQUIRE(names);
  std::map<std::string, std::uint64_t> found;
  for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= symbols->size(); at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, symbols->data() + at, sizeof symbol);
    if (ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT) continue;
    REQUIRE(symbol.st_name < names->size());
    found[reinterpret_cast<const char*>(names->data()) + symbol.st_name] = symbol.st_value;
  }
  return found;
}

struct Expected {
  std::string name, file;
  int line;
  std::string function;
  bool is_const;
};

const std::vector<Expected>& expected() {
  static const std::vector<Expected> all = {
      {"counter", "memory.cpp", 6, "", false},
      {"weather::pressure", "memory.cpp", 8, "", false},
      {"weather::(anonymous namespace)::hidden", "memory.cpp", 10, "", false},
      {"shared_total", "memory.cpp", 13, "", false},
      {"grid", "memory.cpp", 14, "", false},
      {"Cache<double>::last", "memory.cpp", 20, "", false},
      {"Settings::level", "memory.cpp", 22, "", false},
      {"count_calls(int)::calls", "memory.cpp", 26, "count_calls(int)", false},
      {"looked_up(int)::table", "memory.cpp", 32, "looked_up(int)", false},
      {"looked_up(int)::scale", "memory.cpp", 33, "looked_up(int)", true},
      {"inlined(int)::uses", "memory.cpp", 39, "inlined(int)", false},
      {"summed<int>(int)::sum", "memory.cpp", 45, "summed<int>(int)", false},
      {"summed<double>(double)::sum", "memory.cpp", 45, "summed<double>(double)", false},
      {"touch_all(int)::{lambda(int)#1}::operator()(int) const::rounds", "memory.cpp", 56,
       "touch_all(int)::{lambda(int)#1}::operator()(int) const", false},
      {"total", "memory_c.c", 2, "", false},
      {"c_calls()::calls", "memory_c.c", 5, "c_calls()", false}};
  return all;
}

/// Every variable that is found in the library, by name.
std::map<std::string, plugin::VariableName> all_variables(const std::string& path,
                                                          const std::vector<std::uint64_t>& places) {
  plugin::Variables variables;
  std::map<std::string, plugin::VariableName> found;
  for (const std::uint64_t place : places) {
    const auto variable = variables.find(path, place);
    if (variable && !variable->is_internal) found.emplace(variable->name, *variable);
  }
  return found;
}

void check_expected(const std::map<std::string, plugin::VariableName>& found, bool lines) {
  for (const auto& [name, file, line, function, is_const] : expected()) {
    INFO(name);
    const auto variable = found.find(name);
    REQUIRE(variable != found.end());
    CHECK(variable->second.function == function);
    if (!lines) continue;
    CHECK_THAT(variable->second.file, Catch::EndsWith("/" + file));
    CHECK(variable->second.line == line);
    CHECK(variable->second.is_const == is_const);
  }
}

std::vector<std::uint64_t> places_of(const std::string& path) {
  std::vector<std::uint64_t> places;
  for (const auto& [name, address] : data_symbols(path)) places.push_back(address);
  return places;
}

}  // namespace

TEST_CASE("variables are found by address, with names as people write them") {
  const auto found = all_variables(MEMORY_PLUGIN, places_of(MEMORY_PLUGIN));
  check_expected(found, true);
  for (const auto& [name, variable] : found) {
    INFO("found " << name);
    CHECK(std::any_of(expected().begin(), expected().end(), [&](const auto& one) { return one.name == name; }));
  }
  CHECK(found.at("grid").size == 64);
  CHECK(found.at("weather::pressure").size == 8);
}

TEST_CASE("what the compiler and the libraries keep for themselves is told from variables of people") {
  plugin::Variables variables;
  unsigned guards = 0;
  for (const auto& [symbol, address] : data_symbols(MEMORY_PLUGIN)) {
    const auto variable = variables.find(MEMORY_PLUGIN, address);
    if (symbol.starts_with("_ZGV") || symbol == "__dso_handle" || symbol.starts_with("completed.") ||
        symbol == "_ZStL8__ioinit" || symbol.find("jobhost") != std::string::npos) {
      INFO(symbol);
      if (variable) CHECK(variable->is_internal);
      guards += symbol.starts_with("_ZGV");
    }
  }
  CHECK(guards >= 2);
}

TEST_CASE("a place within a variable is an offset, one outside of all is nothing") {
  plugin::Variables variables;
  const std::uint64_t grid = data_symbols(MEMORY_PLUGIN).at("_ZL4grid");
  const auto inside = variables.find(MEMORY_PLUGIN, grid + 20);
  REQUIRE(inside);
  CHECK(inside->name == "grid");
  CHECK(inside->offset == 20);
  CHECK_FALSE(variables.find(MEMORY_PLUGIN, 0));
  CHECK_FALSE(variables.find(MEMORY_PLUGIN, UINT64_MAX));
  CHECK_FALSE(variables.find("/no/such/file", 1));
}

TEST_CASE("variables have names without symbols, and without debug information") {
  const test::TemporaryDirectory folder;
  const auto places = places_of(MEMORY_PLUGIN);
  const auto stripped = [&](const std::string& flags) {
    const std::string path = folder / "stripped.so";
    REQUIRE(std::system(("objcopy " + flags + " " MEMORY_PLUGIN " " + path).c_str()) == 0);
    return path;
  };
  auto found = all_variables(stripped("--strip-debug"), places);
  found.emplace("c_calls()::calls", plugin::VariableName{.name = "", .file = "", .function = "c_calls()"});  // "calls"
  check_expected(found, false);
  CHECK(found.at("counter").file.empty());
  CHECK(found.at("counter").line == 0);

  const auto by_debug = all_variables(stripped("--strip-all --keep-section=.debug*"), places);
  for (const auto& [name, file, line, function, is_const] : expected()) {
    if (name.find("lambda") != std::string::npos) continue;  // has no name there
    INFO(name);
    const auto variable = by_debug.find(name);
    REQUIRE(variable != by_debug.end());
    CHECK(variable->second.line == line);
    CHECK(variable->second.is_const == is_const);
  }
}

TEST_CASE("compiler and flags are read from debug information") {
  CHECK_THAT(plugin::producer(VARIED_PLUGIN), Catch::Contains("20") && Catch::Contains("-g"));
  CHECK(plugin::producer("/no/such/file").empty());
  const test::TemporaryDirectory folder;
  REQUIRE(std::system(("objcopy --strip-debug " VARIED_PLUGIN " " + folder / "stripped.so").c_str()) == 0);
  CHECK(plugin::producer(folder / "stripped.so").empty());
}

TEST_CASE("functions are named without what they return") {
  CHECK(plugin::function_name("_Z5twiceIiET_S0_") == "twice<int>(int)");
  CHECK(plugin::function_name("main") == "main()");
}
