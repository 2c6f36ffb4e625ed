#include "store/sparse_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

#include "base/file.hpp"
#include "store/shared_memory.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{1} << 56;
constexpr std::uint64_t kWindow = 64 << 20;  // mapped together
constexpr std::uint64_t kPage = 4096, kHugePage = 2 << 20;

}  // namespace

SparseMemory::SparseMemory(const char* name, std::uint64_t base) : base_size_(base) {
  fd_ = make_shared_memory(name, kSize);
  fix_size(fd_);
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
  // Huge pages need an address that is as far from a multiple of their size as the place in the memory is.
  void* const room = ::mmap(nullptr, size + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) base::throw_file_error(-errno, "map", "shared memory");
  auto* const begin = static_cast<unsigned char*>(room);
  const std::uint64_t skip = (offset - reinterpret_cast<std::uintptr_t>(begin)) % kHugePage;
  void* const memory =
      ::mmap(begin + skip, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, static_cast<off_t>(offset));
  if (memory == MAP_FAILED) {
    const int failure = -errno;
    ::munmap(room, size + kHugePage);
    base::throw_file_error(failure, "map", "shared memory");
  }
  const std::uint64_t end = skip + (size + kPage - 1) / kPage * kPage;
  if (skip > 0) ::munmap(begin, skip);
  if (end < size + kHugePage) ::munmap(begin + end, size + kHugePage - end);
  return begin + skip;
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

unsigned char* SparseMemory::in_huge_pages(std::uint64_t offset, std::uint64_t size) const {
  unsigned char* const data = at(offset, size);
  const std::lock_guard lock(mutex_);
  if (advised_.insert({offset, size}).second) ::madvise(data, size, MADV_HUGEPAGE);
  return data;
}

void SparseMemory::free(std::uint64_t offset, std::uint64_t size) const {
  if (size > 0) {
    ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(size));
  }
}

}  // namespace jobhost::store
