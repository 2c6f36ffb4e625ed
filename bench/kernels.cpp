// What is mapped in the benchmarks, as a plugin.
#include "work.hpp"

std::uint64_t inc(std::uint64_t i) { return work::inc(i); }
std::uint64_t spin(std::uint64_t i) { return work::spin(i); }
double fussy(std::uint64_t i) { return work::fussy(i); }
