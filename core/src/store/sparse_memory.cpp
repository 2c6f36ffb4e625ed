#include "store/sparse_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

#include "base/file.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{1} << 56;
constexpr std::uint64_t kWindow = 64 << 20;  // mapped together
constexpr std::uint64_t kPage = 4096;

}  // namespace

SparseMemory::SparseMemory(const char* name, std::uint64_t base) : base_size_(base) {
  fd_ = ::memfd_create(name, MFD_CLOEXEC);
  if (fd_ < 0 || ::ftruncate(fd_, static_cast<off_t>(kSize)) < 0)
    base::throw_file_error(-errno, "make", "shared memory");
  base_ = map(0, base);
}

SparseMemory::SparseMemory(int fd, std::uint64_t base) : fd_(fd), base_size_(base) {
  struct ::stat status {};
  if (::fstat(fd, &status) < 0) base::throw_file_error(-errno, "look at", "shared memory");
  if (static_cast<std::uint64_t>(status.st_size) != kSize) base::throw_file_error(-EINVAL, "use", "shared memory");
  base_ = map(0, base);
}

SparseMemory::~SparseMemory() {
  ::munmap(base_, base_size_);
  for (const auto& [place, data] : mappings_) ::munmap(data, place.second);
  ::close(fd_);
}

unsigned char* SparseMemory::map(std::uint64_t offset, std::uint64_t size) const {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, static_cast<off_t>(offset));
  if (memory == MAP_FAILED) base::throw_file_error(-errno, "map", "shared memory");
  return static_cast<unsigned char*>(memory);
}

unsigned char* SparseMemory::at(std::uint64_t offset, std::uint64_t size) const {
  if (offset + size <= base_size_) return base_ + offset;
  const std::uint64_t in_window = offset % kWindow;
  std::uint64_t begin = offset - in_window, length = kWindow;
  if (in_window + size > kWindow) {  // a mapping of its own; few different sizes, so that they are used again
    begin = offset / kPage * kPage;
    length = std::bit_ceil(offset - begin + size);
  }
  const std::lock_guard lock(mutex_);
  unsigned char*& data = mappings_[{begin, length}];
  if (!data) data = map(begin, length);
  return data + (offset - begin);
}

unsigned char* SparseMemory::at_once(std::uint64_t offset, std::uint64_t size) const {
  unsigned char* const data = at(offset, size);
  ::madvise(data, size, MADV_HUGEPAGE);
  return data;
}

void SparseMemory::free(std::uint64_t offset, std::uint64_t size) const {
  if (size > 0) {
    ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(size));
  }
}

}  // namespace jobhost::store
