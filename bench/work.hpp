// What is computed in the benchmarks, by whomever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

namespace work {

inline std::uint64_t inc(std::uint64_t i) { return i + 1; }

/// About 13 us of arithmetic, the same everywhere.
inline std::uint64_t spin(std::uint64_t seed) {
  std::uint64_t x = seed;
  for (int i = 0; i < 10'000; ++i) x = x * 6364136223846793005u + 1442695040888963407u;
  return x;
}

/// 1 % of the inputs throw.
inline double fussy(std::uint64_t i) {
  if (i % 100 == 99) throw std::domain_error("unlucky");
  return static_cast<double>(i);
}

/// All inputs throw.
inline double doomed(std::uint64_t) { throw std::domain_error("unlucky"); }

inline constexpr std::size_t kLarge = 131'072;  // doubles in 1 MB
inline std::vector<double> large(std::uint64_t i) { return std::vector<double>(kLarge, static_cast<double>(i)); }

inline constexpr std::size_t kCommon = 12'500'000;  // doubles in 100 MB
/// A thousandth of the table.
inline double read_common(std::span<const double> table, std::uint64_t task) {
  const std::size_t part = table.size() / 1000, begin = task % 1000 * part;
  double sum = 0;
  for (std::size_t i = begin; i < begin + part; ++i) sum += table[i];
  return sum;
}

}  // namespace work
