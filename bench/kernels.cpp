#include <cstdint>

std::uint64_t inc(std::uint64_t i) { return i + 1; }
