// Where does a row of coupled springs resonate? One file: main, the functions that are mapped, and a lambda.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <jobhost/jobhost.hpp>
#include <string>
#include <vector>

struct Chain {
  int masses;
  double stiffness, damping;
};

// Steady amplitude of the last mass when the first is shaken with this frequency. Thomas' algorithm on the complex
// tridiagonal system of the equations of motion.
static double amplitude(const Chain& chain, double frequency) {
  using Complex = std::complex<double>;
  const Complex inner(2 * chain.stiffness - frequency * frequency, chain.damping * frequency);
  std::vector<Complex> ratio(static_cast<std::size_t>(chain.masses));
  Complex below = 0;
  for (auto it = ratio.rbegin(); it != ratio.rend(); ++it) {
    const Complex here = it == ratio.rbegin() ? inner - chain.stiffness : inner;  // the last mass has one neighbour
    *it = chain.stiffness / (here - chain.stiffness * below);
    below = *it;
  }
  Complex product = 1;
  for (const Complex& step : ratio) product *= step;
  return std::abs(product);
}

int main(int argc, char** argv) {
  const jobhost::Options options{.backend = argc > 1 ? argv[1] : "processes"};
  const Chain chain{.masses = 200, .stiffness = 1, .damping = 0.01};

  std::vector<double> frequencies;
  for (int i = 1; i <= 20000; ++i) frequencies.push_back(i * 1e-4);

  // The loop became a map; results come in order while workers go on.
  double best = 0, at = 0;
  std::size_t i = 0;
  for (const double a : jobhost::map(options, amplitude, chain, frequencies)) {
    if (a > best) {
      best = a;
      at = frequencies[i];
    }
    ++i;
  }
  std::printf("largest amplitude %.3f at frequency %.4f\n", best, at);

  // A lambda with what it captures; the sum is the same to the last bit on any number of workers.
  const double cut = 0.5 * best;
  const auto above = jobhost::map_reduce(
      options, [chain, cut](double f) { return amplitude(chain, f) > cut ? 1L : 0L; },
      [](long a, long b) { return a + b; }, 0L, frequencies);
  std::printf("%ld of %zu frequencies reach half of it\n", above, frequencies.size());

  // What fails is an exception where its result is taken.
  try {
    jobhost::pipe(
        options, [](int masses) { return masses > 0 ? masses : throw std::invalid_argument("no masses"); }, 0);
  } catch (const std::invalid_argument& error) {
    std::printf("refused: %s\n", error.what());
  }
}
