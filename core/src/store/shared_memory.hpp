#pragma once

#include <cstdint>

namespace jobhost::store {

/// Makes an anonymous file for processes to map, of `size` zero bytes, and returns its descriptor. Nobody can cut it:
/// whoever had it mapped would die of that. Throws Error(kBackendFailed).
int make_shared_memory(const char* name, std::uint64_t size);

/// From here on it does not grow either, and what tasks write to a descriptor that they do not know goes nowhere.
void fix_size(int fd);

}  // namespace jobhost::store
