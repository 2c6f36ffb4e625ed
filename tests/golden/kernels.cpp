// What the golden jobs ran.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

int offset = 0;

std::uint64_t inc(std::uint64_t x) { return x + 1; }

struct Point {
  double x;
  std::optional<std::int16_t> label;
};
Point mix(std::int32_t a, double b, float c, std::uint64_t seed) {
  return {a * b + c + offset, a > 1 ? std::optional<std::int16_t>(static_cast<std::int16_t>(seed)) : std::nullopt};
}

std::vector<std::string> repeat(const std::string& word, std::uint8_t times) { return {times, word}; }

/// The last one never ends.
double endless(double x) {
  while (x > 4) asm volatile("pause");
  return x / 2;
}
