// A plugin that a program links: see tests/program.
#include "linked.hpp"

#include <cstdlib>
#include <stdexcept>

namespace linked {

int behave(int x) {
  if (x == 1) throw std::domain_error("one");
  if (x == 2) std::abort();
  if (x == 4) throw Diverged{7, {0.5, 0.25}};
  return 10 * x;
}

}  // namespace linked

static int hidden_from_programs(int x) { return x; }

int twice_as_good(int x) { return 2 * hidden_from_programs(x); }
