// Global variables that tests set, and kernels that print or eat memory.
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

double alpha = 0.5;
static int calls_wanted = 1;
std::vector<double> table = {1, 2};
const int fixed = 3;
namespace physics {
namespace {
std::string unit = "m";
}
std::map<std::string, double> masses;
}  // namespace physics
double grid[3] = {1, 2, 3};

std::string settings(int x) {
  std::string text = std::to_string(x) + " " + std::to_string(alpha) + " " + std::to_string(calls_wanted * fixed);
  for (double value : table) text += " " + std::to_string(value);
  for (double value : grid) text += " " + std::to_string(value);
  return text + " " + physics::unit + " " + std::to_string(physics::masses["earth"]);
}

// Prints x lines on both streams; the third task crashes after that.
int chatty(int x) {
  for (int i = 0; i < x; ++i) std::cout << "out " << x << "." << i << "\n";
  std::fprintf(stderr, "err %d\n", x);
  if (x == 3) __builtin_trap();
  return x;
}

// Prints only when x is a multiple of 1000.
int laconic(int x) {
  if (x % 1000 == 0) std::printf("reached %d\n", x);
  return x;
}

double hungry(int megabytes) {
  std::vector<char> food(static_cast<std::size_t>(megabytes) << 20, 'x');
  return food[food.size() / 2];
}

int drawn(std::uint64_t seed, int x) { return static_cast<int>(seed % 100) + 0 * x; }

void add_one(double& value) { value += 1; }
