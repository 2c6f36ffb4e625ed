#pragma once

#include <vector>

namespace linked {

struct Diverged {
  int step;
  std::vector<double> residuals;
};

/// 0 gives 0, 1 throws, 2 crashes, 3 gives 30, 4 throws a type of its own.
int behave(int x);

}  // namespace linked

int twice_as_good(int x);
