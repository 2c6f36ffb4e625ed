// The same question for a row of unequal springs, whose stiffnesses stand in a global table that main fills.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <jobhost/jobhost.hpp>
#include <vector>

static std::vector<double> stiffness;
static const jobhost::Global stiffness_travels(stiffness);  // workers find in it what main put there

// Steady amplitude of the last mass when the first is shaken with this frequency; see resonance.cpp.
static double amplitude(double frequency) {
  const double damping = 0.01;
  const std::complex<double> inertia(-frequency * frequency, damping * frequency);
  std::complex<double> product = 1, below = 0;
  for (std::size_t i = stiffness.size(); i-- > 0;) {
    const double after = i + 1 < stiffness.size() ? stiffness[i + 1] : 0;  // of the spring to the next mass
    below = stiffness[i] / (inertia + stiffness[i] + after - after * below);
    product *= below;
  }
  return std::abs(product);
}

int main(int argc, char** argv) {
  const jobhost::Options options{.backend = argc > 1 ? argv[1] : "processes"};
  for (int i = 0; i < 200; ++i) stiffness.push_back(1 + 0.1 * std::sin(i));

  std::vector<double> frequencies;
  for (int i = 1; i <= 20000; ++i) frequencies.push_back(i * 1e-4);

  const auto amplitudes = jobhost::map(options, amplitude, frequencies).to_vector();
  const auto best = std::max_element(amplitudes.begin(), amplitudes.end());
  std::printf("largest amplitude %.3f at frequency %.4f\n", *best,
              frequencies[static_cast<std::size_t>(best - amplitudes.begin())]);
  const bool same = *best == amplitude(frequencies[static_cast<std::size_t>(best - amplitudes.begin())]);
  std::printf("computed here it is %s\n", same ? "the same" : "another");
  return same ? 0 : 1;
}
