// What is mapped in the benchmarks, as a plugin.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "work.hpp"

std::uint64_t inc(std::uint64_t i) { return work::inc(i); }
std::uint64_t spin(std::uint64_t i) { return work::spin(i); }
double fussy(std::uint64_t i) { return work::fussy(i); }
double doomed(std::uint64_t i) { return work::doomed(i); }
std::vector<double> large(std::uint64_t i) { return work::large(i); }
double read_common(std::span<const double> table, std::uint64_t i) { return work::read_common(table, i); }

/// As inc, but from `gate` on no task ends before there is a file "go"; "reached" says that one has come so far.
std::uint64_t gated(std::uint64_t i, std::uint64_t gate) {
  if (i >= gate && !std::filesystem::exists("go")) {
    std::ofstream reached("reached");
    while (!std::filesystem::exists("go")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return work::inc(i);
}

/// Takes a second, and no processor.
std::uint64_t rest(std::uint64_t i) {
  std::this_thread::sleep_for(std::chrono::seconds(1));
  return i;
}
