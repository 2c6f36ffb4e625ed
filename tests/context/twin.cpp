// Built twice with another NUMBER and everything else the same.
#include <string>
#include <typeinfo>
#include <vector>

int counter = NUMBER;
static std::string name = "twin " + std::to_string(NUMBER);
inline int shared_by_inline = NUMBER;
inline std::vector<int> filled(3, NUMBER);
template <class T>
struct Holder {
  static inline T value = NUMBER;
};
struct Shape {
  virtual ~Shape() = default;
  virtual int sides() const { return NUMBER; }
};
inline int& inline_static() {
  static int value = NUMBER;
  return value;
}
int helper() { return NUMBER; }
extern "C" int c_helper() { return NUMBER; }

/// All that there is; each part says whose it is.
std::string KERNEL(int x) {
  const Shape shape;
  const Shape& base = shape;
  std::string all = std::to_string(x) + " " + name;
  for (int part : {counter, shared_by_inline, filled[2], Holder<int>::value, base.sides(), inline_static(), helper(),
                   c_helper()}) {
    all += " " + std::to_string(part);
  }
  return all;
}
