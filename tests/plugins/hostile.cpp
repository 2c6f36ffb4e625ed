// Kernels that behave badly, or take their time: for tests.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

std::uint64_t inc(std::uint64_t x) { return x + 1; }

// Busy for so many microseconds.
std::uint64_t spin(std::uint64_t x, int microseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  while (std::chrono::steady_clock::now() < end) {
  }
  return x * x;
}

std::string text_of(std::uint64_t x) {
  return std::string(x % 50, static_cast<char>('a' + x % 26)) + "\"," + std::to_string(x);
}

static void check(int x) {
  if (x % 100 == 13) throw std::domain_error("unlucky " + std::to_string(x));
}

int deep(int n) {
  volatile char fill[100'000];
  fill[0] = static_cast<char>(n);
  return n == 0 ? 0 : deep(n + 1) + fill[0];
}

// 1 % throws; 250, 577, 890, 920 and 921 end the process in five ways.
int fussy(int x) {
  check(x);
  if (x == 250) *static_cast<volatile int*>(nullptr) = 1;  // null pointer
  if (x == 577) std::abort();
  if (x == 890) std::exit(3);
  if (x == 920) return deep(1);
  if (x == 921) ::_exit(4);
  return 2 * x;
}

int nested(int x) {
  try {
    std::stoi("not a number");
  } catch (...) {
    std::throw_with_nested(std::runtime_error("outer " + std::to_string(x)));
  }
  return x;
}

int throws_int(int x) { throw x; }
int throws_text(int x) { throw std::string("text ") + std::to_string(x); }
int repeats(std::string text) { throw std::runtime_error(text); }
static void refuse_three(int x) {
  if (x == 3) throw std::logic_error("left a noexcept function");
}
void uncaught(int x) noexcept { refuse_three(x); }
int in_thread(int x) {
  int result = 0;
  std::thread([&] { result = x + 1; }).join();
  return result;
}
int prints(int x) {
  std::cout << "this is printed by a kernel\n";
  return x;
}
std::vector<double> large(int n) { return std::vector<double>(static_cast<std::size_t>(n), 0.5); }
void nothing(int) {}
double scaled(double x, float factor) { return x * static_cast<double>(factor); }
std::string here(int) {
  char path[4096];
  return ::getcwd(path, sizeof path) ? path : "";
}

// Appends a line to a file: counts how often a task really ran.
std::uint64_t counted(std::uint64_t x, std::string file, int microseconds) {
  spin(x, microseconds);
  std::ofstream(file, std::ios::app) << x << '\n';
  return x;
}
// Crashes at once on all machines but one.
int needs_host(int x, std::string name, int microseconds) {
  char here[256] = {};
  ::gethostname(here, sizeof here - 1);
  if (name != here) std::abort();
  spin(0, microseconds);
  return x;
}
int sleeps(int x, int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  return x;
}
// Tasks from number `closed` on wait until there is a file of that name.
int gated(int x, int closed, std::string file) {
  while (x >= closed && !std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return x;
}
// Makes a file; the task called `last` ends once all n have made theirs.
int after_all(int x, int last, std::string folder, int n) {
  std::ofstream(folder + "/" + std::to_string(x)) << x;
  const auto made = [&] {
    return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
  };
  for (const auto begin = std::chrono::steady_clock::now(); x == last && made() < n;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(30)) throw std::runtime_error("alone");
  }
  return x;
}
