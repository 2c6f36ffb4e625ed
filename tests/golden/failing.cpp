// What failed in a golden job.
#include <stdexcept>

int divide(int a, int b) {
  if (b == 0) throw std::domain_error("division by zero");
  try {
    if (a < 0) throw std::invalid_argument("negative");
  } catch (const std::exception&) {
    std::throw_with_nested(std::runtime_error("cannot divide"));
  }
  return a / b;
}
