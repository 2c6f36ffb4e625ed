// Fits a damped oscillation to measurements by differential evolution (Storn and Price, 1997). The search decides from
// every single result what to try next, so there is no list of inputs to map: a pool takes calls as they come.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <jobhost/jobhost.hpp>
#include <random>
#include <span>
#include <vector>

struct Wave {
  double amplitude, decay, frequency, phase;
};

static double displacement(const Wave& wave, double t) {
  return wave.amplitude * std::exp(-wave.decay * t) * std::sin(wave.frequency * t + wave.phase);
}

// Sum of squared residuals. The measurements are 0.01 s apart.
static double misfit(std::span<const double> measured, const Wave& wave) {
  double sum = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const double residual = measured[i] - displacement(wave, 0.01 * static_cast<double>(i));
    sum += residual * residual;
  }
  return sum;
}

struct Candidate {
  Wave wave;
  double misfit;
};

// A parent mixed with the difference of two others.
static Wave offspring(const std::vector<Candidate>& all, std::size_t parent, std::mt19937& random) {
  std::uniform_int_distribution<std::size_t> pick(0, all.size() - 1);
  std::uniform_real_distribution<double> uniform;
  const Wave &a = all[pick(random)].wave, &b = all[pick(random)].wave, &c = all[pick(random)].wave;
  const auto gene = [&](double Wave::*part) {
    return uniform(random) < 0.9 ? a.*part + 0.7 * (b.*part - c.*part) : all[parent].wave.*part;
  };
  return {gene(&Wave::amplitude), gene(&Wave::decay), gene(&Wave::frequency), gene(&Wave::phase)};
}

int main(int argc, char** argv) {
  const Wave truth{1.7, 0.13, 4.2, 0.6};
  std::vector<double> measured;
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0, 0.05);
  for (int i = 0; i < 2000; ++i) measured.push_back(displacement(truth, 0.01 * i) + noise(random));

  jobhost::Pool pool({.backend = argc > 1 ? argv[1] : "processes"});
  const auto data = pool.share<std::span<const double>>(std::move(measured));  // sent once, not with every call

  std::vector<Candidate> candidates;
  std::uniform_real_distribution<double> uniform;
  for (int i = 0; i < 40; ++i) {
    candidates.push_back({{3 * uniform(random), uniform(random), 10 * uniform(random), 3 * uniform(random)}, HUGE_VAL});
  }

  struct Trial {
    std::size_t parent;
    Wave wave;
  };
  std::vector<Trial> trials;
  std::vector<jobhost::PoolCall<double>> calls;
  const auto begin = [&](std::size_t parent, const Wave& wave) {
    trials.push_back({parent, wave});
    calls.push_back(pool.apipe(misfit, data, wave));
  };
  for (std::size_t i = 0; i < candidates.size(); ++i) begin(i, candidates[i].wave);

  // Each result decides at once: the better one lives, and its offspring is tried next.
  for (int evaluations = 0; evaluations < 8000; ++evaluations) {
    const std::size_t done = pool.wait_any(calls);
    const auto [parent, wave] = trials[done];
    if (const double value = calls[done].get(); value < candidates[parent].misfit) candidates[parent] = {wave, value};
    calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(done));
    trials.erase(trials.begin() + static_cast<std::ptrdiff_t>(done));
    begin(parent, offspring(candidates, parent, random));
  }

  auto [best, value] = *std::min_element(candidates.begin(), candidates.end(),
                                         [](const auto& a, const auto& b) { return a.misfit < b.misfit; });
  // The same wave has many descriptions: this is the one with a positive frequency and amplitude and a phase between 0
  // and 2 pi.
  const double turn = 2 * std::acos(-1.0);
  if (best.frequency < 0) best = {-best.amplitude, best.decay, -best.frequency, -best.phase};
  if (best.amplitude < 0) best = {-best.amplitude, best.decay, best.frequency, best.phase + turn / 2};
  best.phase -= turn * std::floor(best.phase / turn);
  std::printf("amplitude %.3f  decay %.4f  frequency %.4f  phase %.3f  misfit %.3f\n", best.amplitude, best.decay,
              best.frequency, best.phase, value);
}
