// Ordinary differential equations to be swept over their parameters. All are integrated by the adaptive Dormand-Prince
// method of order 5 (Boost.Odeint) with the given relative and absolute tolerance.
#include <array>
#include <boost/numeric/odeint.hpp>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace {

namespace odeint = boost::numeric::odeint;

template <std::size_t N>
using State = std::array<double, N>;

/// Moves `state` from time `from` to time `to`.
template <std::size_t N, class System>
void advance(const System& system, State<N>& state, double from, double to, double tolerance) {
  if (!(to >= from) || !(tolerance > 0)) throw std::invalid_argument("time goes forward and the tolerance is positive");
  if (to == from) return;
  const auto stepper = odeint::make_controlled(tolerance, tolerance, odeint::runge_kutta_dopri5<State<N>>());
  odeint::integrate_adaptive(stepper, system, state, from, to, (to - from) * 1e-3);
}

auto lorenz_system(double sigma, double rho, double beta) {
  return [=](const State<3>& s, State<3>& d, double) {
    d = {sigma * (s[1] - s[0]), s[0] * (rho - s[2]) - s[1], s[0] * s[1] - beta * s[2]};
  };
}

}  // namespace

struct Point {
  double x, y, z;
};

struct Swing {
  double angle;     // rad, in (-pi, pi]
  double velocity;  // rad per unit of time
};

struct Epidemic {
  double peak_infected;  // share of the population
  double peak_time;
  double ever_infected;  // share at the end
};

// Lorenz system dx = sigma (y - x), dy = x (rho - z) - y, dz = x y - beta z: where it is after `time`, from (x, y, z).
Point lorenz(double rho, double time, double x = 1, double y = 1, double z = 1, double sigma = 10, double beta = 8. / 3,
             double tolerance = 1e-9) {
  State<3> state{x, y, z};
  advance(lorenz_system(sigma, rho, beta), state, 0, time, tolerance);
  return {state[0], state[1], state[2]};
}

// Largest Lyapunov exponent of the Lorenz system: how fast two neighbours part, measured over `time` after as long a
// transient, with their distance set back after every unit of time (Benettin's method). About 0.906 for rho = 28.
double lorenz_lyapunov(double rho, double time = 200, double sigma = 10, double beta = 8. / 3) {
  constexpr double kDistance = 1e-8, kTolerance = 1e-10;
  const auto system = lorenz_system(sigma, rho, beta);
  State<3> one{1, 1, 1};
  advance(system, one, 0, time, kTolerance);
  State<3> other{one[0] + kDistance, one[1], one[2]};
  double sum = 0;
  const int units = static_cast<int>(time);
  for (int i = 0; i < units; ++i) {
    advance(system, one, 0, 1, kTolerance);
    advance(system, other, 0, 1, kTolerance);
    double square = 0;
    for (std::size_t k = 0; k < 3; ++k) square += (other[k] - one[k]) * (other[k] - one[k]);
    const double distance = std::sqrt(square);
    sum += std::log(distance / kDistance);
    for (std::size_t k = 0; k < 3; ++k) other[k] = one[k] + (other[k] - one[k]) * kDistance / distance;
  }
  return sum / units;
}

// Damped driven pendulum a'' = -sin a - damping a' + drive cos(frequency t), seen once per period of the drive: its
// state after `periods` of them, from rest. Map it over drive and periods for a bifurcation diagram.
Swing driven_pendulum(double drive, int periods, double damping = 0.5, double frequency = 2. / 3,
                      double tolerance = 1e-8) {
  constexpr double kPi = 3.14159265358979323846;
  State<2> state{0, 0};
  const auto system = [=](const State<2>& s, State<2>& d, double t) {
    d = {s[1], -std::sin(s[0]) - damping * s[1] + drive * std::cos(frequency * t)};
  };
  advance(system, state, 0, periods * 2 * kPi / frequency, tolerance);
  return {std::remainder(state[0], 2 * kPi), state[1]};
}

// Harmonic oscillator a'' = -a from (1, 0): its position after `time`, cos(time); a check of the method.
double harmonic(double time, double tolerance = 1e-10) {
  State<2> state{1, 0};
  advance([](const State<2>& s, State<2>& d, double) { d = {s[1], -s[0]}; }, state, 0, time, tolerance);
  return state[0];
}

// Period of the van der Pol oscillator a'' = mu (1 - a^2) a' - a on its limit cycle. 6.6633 for mu = 1.
double van_der_pol_period(double mu, double tolerance = 1e-10) {
  const auto system = [mu](const State<2>& s, State<2>& d, double) {
    d = {s[1], mu * (1 - s[0] * s[0]) * s[1] - s[0]};
  };
  State<2> state{2, 0};
  advance(system, state, 0, 100 + 20 * std::abs(mu), tolerance);
  // Time between upward passages through zero, each found by linear interpolation inside a short step.
  constexpr double kStep = 1e-3;
  double time = 0, first = -1;
  for (int steps = 0; steps < 10'000'000; ++steps, time += kStep) {
    const double before = state[0];
    advance(system, state, 0, kStep, tolerance);
    if (before >= 0 || state[0] < 0) continue;
    const double passage = time + kStep * before / (before - state[0]);
    if (first >= 0) return passage - first;
    first = passage;
  }
  throw std::runtime_error("no period was found");
}

// Epidemic in the SIR model with reproduction number r0 and recovery rate gamma, from a share `infected` at time 0.
Epidemic sir(double r0, double gamma = 0.1, double infected = 1e-6, double time = 2000, double tolerance = 1e-10) {
  const auto system = [=](const State<2>& s, State<2>& d, double) {
    const double fresh = r0 * gamma * s[0] * s[1];
    d = {-fresh, fresh - gamma * s[1]};
  };
  State<2> state{1 - infected, infected};
  Epidemic epidemic{infected, 0, 0};
  const auto stepper = odeint::make_controlled(tolerance, tolerance, odeint::runge_kutta_dopri5<State<2>>());
  odeint::integrate_adaptive(stepper, system, state, 0., time, 1e-3, [&](const State<2>& s, double t) {
    if (s[1] <= epidemic.peak_infected) return;
    epidemic.peak_infected = s[1];
    epidemic.peak_time = t;
  });
  epidemic.ever_infected = 1 - state[0];
  return epidemic;
}
