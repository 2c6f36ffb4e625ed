#include <catch2/catch.hpp>

#include "functions.hpp"
#include "glue.hpp"

using namespace jobhost::scan;

namespace {

std::vector<Function> functions_in(const std::string& source) {
  return find_entities(tokens_of("# 1 \"user.cpp\"\n" + source, "user.cpp")).functions;
}

std::string variables_in(const std::string& source) {
  std::string names;
  for (const auto& variable : find_entities(tokens_of("# 1 \"user.cpp\"\n" + source, "user.cpp")).variables) {
    names += (names.empty() ? "" : " ") + qualified_name(variable);
  }
  return names;
}

std::string names_in(const std::string& source) {
  std::string names;
  for (const auto& function : functions_in(source)) names += (names.empty() ? "" : " ") + qualified_name(function);
  return names;
}

}  // namespace

TEST_CASE("variables that can be set are found, and nothing else is taken for one") {
  CHECK(variables_in("double alpha = 0.3; static int n; std::vector<std::pair<int, int>> pairs;") == "alpha n pairs");
  CHECK(variables_in("int a = 1, b{2}, c; unsigned long long big = f(1, 2);") == "a b c big");
  CHECK(variables_in("namespace p { inline namespace q { namespace { auto x = 1.5; } } }") == "p::q::x");
  CHECK(variables_in("std::map<std::string, int> table{{\"a\", 1}}; Point origin = {0, 0};") == "table origin");
  CHECK(variables_in("const double pi = 3; constexpr int k = 2; extern int far; thread_local int t;").empty());
  CHECK(variables_in("int& r = x; int* const p = 0; struct S { int a; } s; enum E { one, two }; class C;").empty());
  CHECK(variables_in("int f(int x) { int y = x; return y; } int S::member = 3; template <class T> T v = 1;").empty());
  CHECK(variables_in("using A = int; typedef int B; int (*callback)(int) = nullptr; double (*table[3])(double);")
            .empty());
  CHECK(variables_in("MACRO(x) int z = 1;").empty());
}

TEST_CASE("ordinary functions are found with everything people see of them") {
  const auto found = functions_in(
      "// Adds\n// two numbers.\nstatic inline double add(double a, const std::vector<std::pair<int, int>>& b = {}) {\n"
      "  return a;\n}\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "add");
  CHECK(found[0].line == 3);
  CHECK(found[0].doc == "Adds\ntwo numbers.");
  CHECK(found[0].signature == "double add(double a, const std::vector<std::pair<int, int>>& b = {})");
  REQUIRE(found[0].parameters.size() == 2);
  CHECK(found[0].parameters[0].name == "a");
  CHECK(found[0].parameters[1].name == "b");
  CHECK(found[0].parameters[1].type == "const std::vector<std::pair<int, int>>&");
}

TEST_CASE("parameters without a name are numbered") {
  const auto found = functions_in("int f(int, const Foo, std::string, unsigned long, const char*, A<B>, int x[3]) { }");
  REQUIRE(found.size() == 1);
  std::string names;
  for (const auto& parameter : found[0].parameters) names += parameter.name + " ";
  CHECK(names == "arg1 arg2 arg3 arg4 arg5 arg6 x ");
}

TEST_CASE("scopes are followed") {
  CHECK(names_in("namespace a { namespace b::c { int f() {} } namespace { int g() {} } } int h() {}") ==
        "a::b::c::f a::g h");
  CHECK(names_in("extern \"C\" { int f(void) {} } extern \"C\" int g() {}") == "f g");
  CHECK(names_in("inline namespace v1 { int f() {} }") == "v1::f");
  CHECK(names_in("namespace x = y; int f() {}") == "f");
}

TEST_CASE("what is no ordinary function is left out") {
  for (const char* source : {"int main() {}",
                             "int main(int argc, char** argv) {}",
                             "template <class T> T f(T x) {}",
                             "int f(int);",
                             "struct S { int f() { return 1; } S() : a(1) {} int a; };",
                             "int S::f() {}",
                             "S::S() : a{1}, b(2) { }",
                             "S::~S() {}",
                             "bool operator<(S, S) {}",
                             "int f(int n, ...) {}",
                             "auto f(auto x) {}",
                             "consteval int f() {}",
                             "int (*f(int))(double) {}",
                             "int f() = delete;",
                             "auto g = [](int x) { return x; };",
                             "int x(3);",
                             "std::vector<int> v{1, 2};",
                             "using T = int(int);",
                             "typedef int (*P)(int);",
                             "int table[] = {1, 2};",
                             "template <> int f<int>(int) {}",
                             "enum class E : int { a, b };",
                             "const char* s = \"int f() {}\";",
                             "const char* s = R\"x(int f() { )\" )x\";",
                             "char c = '{';",
                             "// int f() {}",
                             "/* int f() {} */",
                             "static_assert(sizeof(int) == 4);",
                             "class A; class B final : public C<int> { void f() {} };",
                             "template <class T> struct X { T f() { return {}; } };",
                             "template <class T> requires (sizeof(T) > 2) void f(T) {}",
                             "struct P { int x; } p = {1};"}) {
    INFO(source);
    CHECK(names_in(source) == "");
    CHECK(names_in(std::string(source) + "\nint after() { return 0; }") == "after");
  }
}

TEST_CASE("odd spellings of ordinary functions are understood") {
  CHECK(names_in("[[nodiscard]] int f() noexcept {}") == "f");
  CHECK(names_in("__attribute__((noinline)) int f() {}") == "f");
  CHECK(names_in("auto f(int x) -> std::vector<int> {}") == "f");
  CHECK(names_in("int f(int x) try { return x; } catch (...) { return 0; } int g() {}") == "f g");
  CHECK(names_in("struct P f(struct P p) { return p; }") == "f");
  CHECK(names_in("int f() noexcept(noexcept(g())) { } int h(){}") == "f h");
  CHECK(names_in("decltype(1 + 2) f() {}") == "f");
  CHECK(names_in("unsigned long long int f(int n = (1, 2), int m = sizeof(int)) {}") == "f");
  CHECK(names_in("int f() { if (a < b) { char c = '}'; } return \"}\"[0]; } int g() {}") == "f g");
}

TEST_CASE("other files' lines are not looked at") {
  CHECK(names_in("int f() {}\n# 1 \"other.h\" 1\nint hidden() {}\n# 3 \"user.cpp\" 2\nint g() {}") == "f g");
  CHECK(functions_in("# 1 \"other.h\" 1\nint hidden() {}\n# 30 \"user.cpp\" 2\nint g() {}")[0].line == 30);
}

TEST_CASE("kernels are chosen by name, overload and template instance") {
  const std::string source =
      "# 1 \"user.cpp\"\nint f(int) {} int f(double x) {} namespace n { int g() {} }\n"
      "template <class T> int h(T) {}";
  const auto choose = [&](const std::vector<std::string>& kernels, std::vector<Entry>& entries) {
    std::vector<Unit> units(1);
    units[0].tokens = tokens_of(source, "user.cpp");
    units[0].functions = find_entities(units[0].tokens).functions;
    const std::string error = choose_entries(units, kernels);
    entries = units[0].entries;
    return error;
  };
  std::vector<Entry> chosen;
  CHECK(choose({"f(double)", "n::g", "h<int>"}, chosen) == "");
  REQUIRE(chosen.size() == 3);
  CHECK(chosen[0].function.parameters[0].name == "x");
  CHECK(chosen[1].found);
  CHECK(chosen[2].expression == "&::h<int>");
  CHECK(choose({"f"}, chosen) == "'f' is overloaded; say which one: \"f(int)\" \"f(double)\"");
  CHECK(choose({"n::gg"}, chosen) == "no function 'n::gg' in this file; did you mean 'n::g'?");
  CHECK(choose({}, chosen) == "");
  REQUIRE(chosen.size() == 3);
  CHECK(chosen[0].name == "f(int)");
  CHECK(chosen[2].name == "n::g");
}

TEST_CASE("globals are declared by name, once in all sources") {
  const auto units_of = [](const std::vector<std::string>& sources) {
    std::vector<Unit> units;
    for (const auto& source : sources) {
      units.emplace_back().variables = find_entities(tokens_of("# 1 \"user.cpp\"\n" + source, "user.cpp")).variables;
    }
    return units;
  };
  auto units = units_of(
      {"static const double* p;\n[[maybe_unused]] static double alpha = 1;\nnamespace ns { inline int a, table[3]; }",
       "namespace { std::string unit; } std::vector<int> v; int twice;", "int twice;"});
  CHECK(declare_globals(units, {"alpha", "ns::table", "unit", "v"}) == "");
  const auto& alpha = units[0].variables[0];
  CHECK((alpha.type == "double" && alpha.line == 2 && alpha.is_static && alpha.declared));
  CHECK((units[0].variables[1].name == "a" && !units[0].variables[1].declared));
  CHECK((units[0].variables[2].type == "int" && units[0].variables[2].declared && !units[0].variables[2].is_static));
  const std::string exports = exports_text(units);
  CHECK(exports.find("    _ZN2ns5tableE;\n") != std::string::npos);
  CHECK(exports.find("    v;\n    _Z1vB*;\n") != std::string::npos);
  CHECK(exports.find("alpha") == std::string::npos);
  CHECK(exports.find("unit") == std::string::npos);
  CHECK(declare_globals(units, {"tabel"}) == "no global variable 'tabel' that can be set");
  CHECK(declare_globals(units, {"ns::tabel"}) ==
        "no global variable 'ns::tabel' that can be set; did you mean 'ns::table'?");
  CHECK(declare_globals(units, {"twice"}) ==
        "several sources have a global variable 'twice', which a name does not tell apart");
}

TEST_CASE("defaults are counted from the end, also those of an earlier declaration") {
  CHECK(functions_in("int f(int a, int b = 1, int c = 2) {}")[0].defaults == 2);
  CHECK(functions_in("int f(int a, int b = 3);\nint f(int a, int b) {}")[0].defaults == 1);
  CHECK(functions_in("int f(int a) {}")[0].defaults == 0);
}

TEST_CASE("C functions of built-in types can be declared in C++") {
  CHECK(declarable(functions_in("double f(const char* name, unsigned long n) {}")[0]));
  CHECK_FALSE(declarable(functions_in("static double f(int n) {}")[0]));
  CHECK_FALSE(declarable(functions_in("struct point f(int n) {}")[0]));
}
