#include "api/shared_region.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

namespace jobhost::api {
namespace {

constexpr std::uint64_t kHuge = 2 << 20;  // bytes of a large page
constexpr std::uint64_t kPiece = 4 << 20;

/// Gives back the whole pages within memory that nobody reads again.
void drop(const unsigned char* from, std::uint64_t size) {
  constexpr std::uintptr_t kPage = 4096;
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(from) + kPage - 1) / kPage * kPage;
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(from + size) / kPage * kPage;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

/// Several threads, because copying into new memory mostly waits for its pages. Each takes the next piece.
void copy_large(unsigned char* to, const unsigned char* from, std::uint64_t size, bool last) {
  std::atomic<std::uint64_t> next{0};
  const auto copy = [&] {
    for (std::uint64_t begin; (begin = next.fetch_add(kPiece)) < size;) {
      const std::uint64_t length = std::min(kPiece, size - begin);
      std::memcpy(to + begin, from + begin, length);
      if (last) drop(from + begin, length);
    }
  };
  std::vector<std::jthread> helpers;
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
  for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(copy);
  copy();
}

class Counter : public detail::ByteSink {
 public:
  void bytes(const void*, std::uint64_t size) override { count += size; }
  std::uint64_t count = 0;
};

class Copier : public detail::ByteSink {
 public:
  explicit Copier(unsigned char* to) : to_(to) {}
  void bytes(const void* from, std::uint64_t size) override {
    copy(static_cast<const unsigned char*>(from), size, false);
  }
  void last_bytes(const void* from, std::uint64_t size) override {
    copy(static_cast<const unsigned char*>(from), size, true);
  }

 private:
  void copy(const unsigned char* from, std::uint64_t size, bool last) {
    if (size >= 2 * kPiece) {
      copy_large(to_, from, size, last);
    } else if (size > 0) {
      std::memcpy(to_, from, size);
    }
    to_ += size;
  }
  unsigned char* to_;
};

std::uint64_t size_of(const detail::Value& value) {
  if (!value.write) return value.bytes.size();
  Counter counter;
  value.write(counter);
  return counter.count;
}

}  // namespace

SharedRegion::SharedRegion(std::shared_ptr<store::Mailbox> mailbox, const detail::Value& value)
    : mailbox_(std::move(mailbox)), size_(size_of(value)), place_(mailbox_->share(size_)) {
  const auto& memory = mailbox_->memory();
  Copier copier(size_ >= kHuge ? memory.in_huge_pages(place_, size_) : memory.at(place_, size_));
  if (value.write) {
    value.write(copier);
  } else {
    copier.bytes(value.bytes.data(), value.bytes.size());
  }
}

}  // namespace jobhost::api
