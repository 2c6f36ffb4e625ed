#include "base/mapping.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

namespace jobhost::base {

Mapping::Mapping(const File& file) {
  const std::uint64_t size = file.size();
  if (size == 0) return;
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd(), 0);
  if (memory == MAP_FAILED) throw_file_error(-errno, "map", file.path());
  bytes_ = {static_cast<const unsigned char*>(memory), size};
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (!bytes_.empty()) ::munmap(const_cast<unsigned char*>(bytes_.data()), bytes_.size());
}

}  // namespace jobhost::base
