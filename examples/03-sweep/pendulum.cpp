// A damped pendulum with a periodic drive, looked at once per period of the drive.
#include <cmath>

struct Swing {
  double angle, velocity;
};

// State after so many periods of the drive, from rest: angle'' = -sin(angle) - angle'/2 + drive cos(2t/3).
// Classical Runge-Kutta, 500 steps per period.
Swing swing(double drive, int period) {
  const double pi = std::acos(-1.0), frequency = 2.0 / 3, h = 2 * pi / frequency / 500;
  const auto force = [&](double a, double v, double t) {
    return -std::sin(a) - 0.5 * v + drive * std::cos(frequency * t);
  };
  double a = 0, v = 0;
  for (int i = 0; i < 500 * period; ++i) {
    const double t = i * h;
    const double a1 = v, v1 = force(a, v, t);
    const double a2 = v + h / 2 * v1, v2 = force(a + h / 2 * a1, v + h / 2 * v1, t + h / 2);
    const double a3 = v + h / 2 * v2, v3 = force(a + h / 2 * a2, v + h / 2 * v2, t + h / 2);
    const double a4 = v + h * v3, v4 = force(a + h * a3, v + h * v3, t + h);
    a += h / 6 * (a1 + 2 * a2 + 2 * a3 + a4);
    v += h / 6 * (v1 + 2 * v2 + 2 * v3 + v4);
  }
  return {std::remainder(a, 2 * pi), v};
}
