// Numerical integration: of expressions, of samples, and by Monte Carlo.
#include <muParser.h>

#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <boost/math/quadrature/tanh_sinh.hpp>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <string>

struct Integral {
  double value;
  double error;  // estimate
};

namespace {

/// An expression in x and p, as muParser reads it: "sin(p*x)*exp(-x)".
class Integrand {
 public:
  Integrand(const std::string& text, double p) : p_(p) {
    parser_.DefineVar("x", &x_);
    parser_.DefineVar("p", &p_);
    parser_.DefineConst("pi", 3.14159265358979323846);
    try {
      parser_.SetExpr(text);
      parser_.Eval();
    } catch (const mu::Parser::exception_type& error) {
      throw std::invalid_argument("'" + text + "': " + error.GetMsg());
    }
  }
  double operator()(double x) {
    x_ = x;
    return parser_.Eval();
  }

 private:
  mu::Parser parser_;
  double x_ = 0.5, p_;
};

}  // namespace

// Integral of the expression f in x (and p) from a to b; both may be infinite. Adaptive Gauss-Kronrod quadrature with
// 31 points (Boost.Math).
Integral integrate(const std::string& f, double a, double b, double p = 0, double tolerance = 1e-10) {
  Integrand integrand(f, p);
  Integral result{};
  result.value = boost::math::quadrature::gauss_kronrod<double, 31>::integrate([&](double x) { return integrand(x); },
                                                                               a, b, 15, tolerance, &result.error);
  return result;
}

// The same by tanh-sinh quadrature (Boost.Math), which also takes singularities at the ends, as of 1/sqrt(x) at 0.
Integral integrate_singular(const std::string& f, double a, double b, double p = 0, double tolerance = 1e-10) {
  Integrand integrand(f, p);
  boost::math::quadrature::tanh_sinh<double> quadrature;
  Integral result{};
  result.value = quadrature.integrate([&](double x) { return integrand(x); }, a, b, tolerance, &result.error);
  return result;
}

// Integral of samples y at equal distances dx by the trapezoidal rule.
double trapezoid(std::span<const double> y, double dx) {
  if (y.size() < 2) throw std::invalid_argument("at least two samples are needed");
  double sum = 0.5 * (y.front() + y.back());
  for (std::size_t i = 1; i + 1 < y.size(); ++i) sum += y[i];
  return sum * dx;
}

// Integral of an odd number of samples y at equal distances dx by Simpson's rule.
double simpson(std::span<const double> y, double dx) {
  if (y.size() < 3 || y.size() % 2 == 0) throw std::invalid_argument("an odd number of samples, at least 3, is needed");
  double sum = y.front() + y.back();
  for (std::size_t i = 1; i + 1 < y.size(); ++i) sum += (i % 2 == 1 ? 4 : 2) * y[i];
  return sum * dx / 3;
}

// Share of random points in the cube [-1, 1]^dimension that fall into the unit ball, times the cube's volume: an
// estimate of the ball's volume, 4/3 pi for 3 dimensions. Map it over seeds and reduce to mean and var.
double ball_volume(int dimension, std::uint64_t samples, std::uint64_t seed) {
  if (dimension < 1 || dimension > 64 || samples == 0) throw std::invalid_argument("1 to 64 dimensions, and samples");
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> coordinate(-1, 1);
  std::uint64_t inside = 0;
  for (std::uint64_t i = 0; i < samples; ++i) {
    double square = 0;
    for (int d = 0; d < dimension; ++d) {
      const double x = coordinate(random);
      square += x * x;
    }
    inside += square < 1 ? 1 : 0;
  }
  return std::ldexp(static_cast<double>(inside) / static_cast<double>(samples), dimension);
}
