// What crashed in a golden job.
#include <cstdint>

int peek(std::uintptr_t address) { return address % 2 == 1 ? *reinterpret_cast<volatile int*>(address - 1) : 0; }
