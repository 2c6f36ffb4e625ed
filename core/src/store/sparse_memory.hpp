#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/bytes.hpp"

namespace jobhost::store {

/// Anonymous memory that processes share by inheriting its descriptor. It is practically endless; only what was written
/// takes room. Parts are mapped when they are first asked for and stay mapped as long as the object lives. Any thread
/// may call.
class SparseMemory {
 public:
  /// Makes it; the first `base` bytes are mapped at once. Throws Error(kBackendFailed).
  SparseMemory(const char* name, std::uint64_t base);
  /// Maps what another process made. Takes the descriptor over.
  SparseMemory(int fd, std::uint64_t base);
  SparseMemory(const SparseMemory&) = delete;
  SparseMemory& operator=(const SparseMemory&) = delete;
  ~SparseMemory();

  int fd() const { return fd_; }
  /// Bytes [offset, offset+size) in this process.
  unsigned char* at(std::uint64_t offset, std::uint64_t size) const;
  /// The same in huge pages where the machine has them: for what is large and will all be used.
  unsigned char* in_huge_pages(std::uint64_t offset, std::uint64_t size) const;
  /// Gives the room back; the bytes are zero then.
  void free(std::uint64_t offset, std::uint64_t size) const;

 private:
  unsigned char* map(std::uint64_t offset, std::uint64_t size) const;

  int fd_ = -1;
  std::uint64_t base_size_;
  unsigned char* base_ = nullptr;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<std::uint64_t, std::uint64_t>, unsigned char*> mappings_;  // by offset and size
  mutable std::set<std::pair<std::uint64_t, std::uint64_t>> advised_;                   // for huge pages, likewise
};

}  // namespace jobhost::store
