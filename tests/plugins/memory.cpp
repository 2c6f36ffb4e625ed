// Variables of every kind of static storage, for finding them by address.
#include <cmath>
#include <string>
#include <vector>

static int counter = 1;  // line 6
namespace weather {
double pressure = 1013.25;  // line 8
namespace {
int hidden = 3;  // line 10
}
}  // namespace weather
inline long shared_total = 5;  // line 13
static short grid[4][8];       // line 14
template <class T>
struct Cache {
  static T last;  // line 17
};
template <class T>
T Cache<T>::last = T(2);  // line 20
struct Settings {
  static inline int level = 7;  // line 22
};

int count_calls(int x) {
  static int calls = 0;  // line 26
  calls += x;
  return calls + counter++ + weather::hidden;
}

double looked_up(int x) {
  static std::vector<double> table(100, 0.5);             // line 32
  static const double scale = std::sqrt(counter * 16.0);  // line 33
  table[3] += x;
  return table[3] * scale;
}

inline int inlined(int x) {
  static int uses = 0;  // line 39
  return uses += x;
}

template <class T>
T summed(T x) {
  static T sum = 0;  // line 45
  return sum += x;
}

double touch_all(int x) {
  grid[1][2] = static_cast<short>(x);
  shared_total += x;
  Cache<double>::last += x;
  Settings::level += x;
  weather::pressure += x;
  const auto in_lambda = [](int y) {
    static int rounds = 0;  // line 56
    return rounds += y;
  };
  return Cache<double>::last + grid[1][2] + inlined(x) + summed(x) + summed(1.5 * x) + in_lambda(x) +
         static_cast<double>(shared_total);
}
