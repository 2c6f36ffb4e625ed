#pragma once

#include <string>
#include <vector>

namespace linked {

struct Diverged {
  int step;
  std::vector<double> residuals;
};

/// 0 gives 0, 1 throws, 2 crashes, 3 gives 30, 4 throws a type of its own.
int behave(int x);

// Declared globals: their values belong to the calling context.
extern double scale;
extern std::vector<std::string> names;
extern std::string greeting;

/// All globals in a line, the last one, which is not declared, as it is initialised.
std::string globals_as_text(int x);
void set_hidden_scale(int scale);
void set_undeclared(int value);

}  // namespace linked

int twice_as_good(int x);
