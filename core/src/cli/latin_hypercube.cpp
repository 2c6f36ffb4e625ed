#include "cli/latin_hypercube.hpp"

#include <Random123/philox.h>

#include <numeric>
#include <utility>

namespace jobhost::cli {

std::vector<double> latin_hypercube(std::uint64_t points, std::uint64_t coordinate, std::uint64_t seed) {
  r123::Philox4x64 philox;
  const auto words = [&](std::uint64_t k) { return philox({{k, coordinate, 0, 0}}, {{seed, 1}}); };
  std::vector<std::uint64_t> slices(points);
  std::iota(slices.begin(), slices.end(), std::uint64_t{0});
  for (std::uint64_t k = points; k-- > 1;) {
    const auto other = static_cast<std::uint64_t>((static_cast<unsigned __int128>(words(k)[0]) * (k + 1)) >> 64);
    std::swap(slices[k], slices[other]);
  }
  std::vector<double> values(points);
  for (std::uint64_t k = 0; k < points; ++k) {
    const double place = static_cast<double>(words(k)[1] >> 11) * 0x1p-53;
    values[k] = (static_cast<double>(slices[k]) + place) / static_cast<double>(points);
  }
  return values;
}

}  // namespace jobhost::cli
