#include "store/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.hpp"

namespace jobhost::store {

int make_shared_memory(const char* name, std::uint64_t size) {
  const int fd = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) base::throw_file_error(-errno, "make", "shared memory");
  if (::ftruncate(fd, static_cast<off_t>(size)) < 0) base::throw_file_error(-errno, "size", "shared memory");
  if (::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) base::throw_file_error(-errno, "seal", "shared memory");
  return fd;
}

void fix_size(int fd) {
  // Behind the end there is no room, and write() begins where its descriptor is.
  if (::fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0 || ::lseek(fd, 0, SEEK_END) < 0)
    base::throw_file_error(-errno, "seal", "shared memory");
}

}  // namespace jobhost::store
