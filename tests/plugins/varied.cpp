// Functions of many shapes, as people write them; the file has a main and uses no header of jobhost.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#define N 100
#define T(x) ((x)*2)
using namespace std;

enum class Color : short { red = 1, green = 2 };
struct Point {
  double x = 0, y = 0;
  double norm() const { return std::sqrt(x * x + y * y); }
  bool operator==(const Point&) const = default;
};
struct Twenty {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r;
  Point point;
  std::string label;
};
class Shape {
 public:
  explicit Shape(int sides) : sides_(sides), twice_{sides * 2} {}
  Shape();
  int sides() const { return sides_; }

 private:
  int sides_, twice_;
};
Shape::Shape() : sides_(3), twice_{6} { std::puts("{"); }

int global_table[] = {1, 2, 3};
const char* text_with_braces = "} { ) (";
auto lambda = [](int x) { return x + 1; };

// Adds one.
std::uint64_t add_one(std::uint64_t x) { return x + 1; }
/** Mean of some numbers.
 *  Zero for none. */
double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}
bool negate_it(bool b) { return !b; }
Color next_color(Color c) { return c == Color::red ? Color::green : Color::red; }
string shout(string s) { return s + "!"; }
std::size_t length(std::string_view s) { return s.size(); }
std::size_t c_length(const char* s) { return string(s).size(); }
double sum_span(std::span<const double> values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}
std::array<int, 3> rotate_left(std::array<int, 3> a) { return {a[1], a[2], a[0]}; }
std::pair<int, string> label(int i, const string& s) { return {i, s}; }
std::tuple<int, double> both(std::tuple<int, double> t) { return t; }
std::map<string, int> count_letters(const std::string& s) {
  std::map<string, int> counts;
  for (char c : s) ++counts[string(1, c)];
  return counts;
}
std::optional<int> maybe(int x) { return x > 0 ? std::optional<int>(x) : std::nullopt; }
Twenty big(Twenty t, Point&& p) {
  t.point = p;
  return t;
}
void nothing(int) {}
static int hidden(int x) noexcept { return T(x) + N; }
namespace {
inline int anonymous(signed char c, unsigned u = 3) { return c + static_cast<int>(u); }
}  // namespace
namespace geo::flat {
double area(Point p) { return p.x * p.y; }
double area(double w, double h) { return w * h; }
}  // namespace geo::flat
[[nodiscard]] auto trailing(float f) -> double { return f; }
long double precise(long double x) { return x / 3; }
constexpr int squared(int x) { return x * x; }
int guarded(int x) try {
  if (x < 0) throw std::domain_error("negative");
  return x;
} catch (const std::domain_error&) {
  std::throw_with_nested(std::runtime_error("guarded failed"));
}
extern "C" int plain_c(int x) { return x; }

// These two cannot travel.
long position(FILE* f) { return ftell(f); }
double first(const double* p) { return *p; }

template <class U>
U twice(U x) {
  return x + x;
}
template int twice<int>(int);
int operator+(Point, int) { return 1; }
int variadic(int n, ...) { return n; }
int declared_only(int);
auto abbreviated(auto x) { return x; }

int main() {
  std::cout << add_one(1) << lambda(1) << Shape(4).sides() << hidden(1) << anonymous(1) << text_with_braces
            << global_table[0] << '\n';
  return 0;
}
