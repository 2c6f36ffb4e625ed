// A plugin that a program links: see tests/program.
#include "linked.hpp"

#include <cstdlib>
#include <stdexcept>

static int hidden_scale = 1;

namespace linked {

double scale = 1;
std::vector<std::string> names;
std::string greeting = "hello";
int undeclared = 1;

std::string globals_as_text(int x) {
  std::string text = greeting + " " + std::to_string(x * scale) + " " + std::to_string(hidden_scale);
  for (const auto& name : names) text += " " + name;
  return text + " " + std::to_string(undeclared);
}

void set_hidden_scale(int scale) { hidden_scale = scale; }

void set_undeclared(int value) { undeclared = value; }

int behave(int x) {
  if (x == 1) throw std::domain_error("one");
  if (x == 2) std::abort();
  if (x == 4) throw Diverged{7, {0.5, 0.25}};
  return 10 * x;
}

}  // namespace linked

static int hidden_from_programs(int x) { return x; }

int twice_as_good(int x) { return 2 * hidden_from_programs(x); }
