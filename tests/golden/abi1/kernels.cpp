// One kernel for each thing that crosses the plugin ABI.
#include <array>
#include <complex>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

double alpha = 2;
std::vector<std::string> words = {"a"};

struct Point {
  double x;
  std::optional<std::int16_t> label;
};
enum class Color { kRed, kGreen };
struct Everything {
  bool flag;
  char letter;
  std::int8_t small;
  std::uint64_t large;
  float single;
  long double extended;
  std::string text;
  Color color;
  std::vector<Point> points;
  std::array<int, 2> pair;
  std::map<std::string, int> counts;
  std::unique_ptr<int> pointer;
  std::variant<int, std::string> either;
  std::tuple<int, double> both;
  std::complex<double> z;
};

/// Comes back as it was.
Everything same(Everything value) { return value; }

// Fixed size, and arguments with defaults.
double scaled(double x, double factor = 10) { return alpha * factor * x; }

// Parameters that refer to the arguments' bytes.
std::string joined(std::string_view word, std::span<const std::uint8_t> bytes, const char* end) {
  std::string text(word);
  for (const auto byte : bytes) text += std::to_string(byte);
  return text + end;
}

// In-out parameters.
void doubled(std::vector<int>& values, int& sum) {
  for (int& value : values) sum += value *= 2;
}

int fussy(int x) {
  try {
    if (x == 13) throw std::domain_error("unlucky");
  } catch (...) {
    std::throw_with_nested(std::runtime_error("no result"));
  }
  if (x == 14) throw 14;
  return x;
}

// A variable that a task changes, and one of varying size.
std::string next_word(std::string word) {
  words.push_back(word);
  return words.front() + words.back();
}
