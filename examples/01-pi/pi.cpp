#include <cstdint>
#include <random>

// Estimates pi: the share of random points of the unit square that fall into the quarter circle, times four.
double estimate_pi(std::uint64_t seed, int samples) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> coordinate(0, 1);
  int inside = 0;
  for (int i = 0; i < samples; ++i) {
    const double x = coordinate(random), y = coordinate(random);
    if (x * x + y * y < 1) ++inside;
  }
  return 4.0 * inside / samples;
}
