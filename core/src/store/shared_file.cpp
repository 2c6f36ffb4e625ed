#include "store/shared_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <thread>
#include <utility>

#include "base/beneath.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kLargePage = 2 << 20, kPage = 4096, kPiece = 4 << 20;
constexpr unsigned kMostStripes = 8;

std::uint64_t stripe_size(std::uint64_t size, unsigned stripes) {
  return (size / stripes + kLargePage) / kLargePage * kLargePage;
}

std::string stripe_path(const std::string& path, std::size_t number) { return path + "." + std::to_string(number); }

/// Gives back the whole pages within memory that nobody reads again.
void drop(base::ByteView bytes) {
  const auto from = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t begin = (from + kPage - 1) / kPage * kPage, end = (from + bytes.size()) / kPage * kPage;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

SharedFileWriter::SharedFileWriter(base::Env& env, const std::string& path, std::uint64_t size)
    : env_(env), path_(path) {
  const unsigned stripes = std::clamp(std::thread::hardware_concurrency(), 1u, kMostStripes);
  stripe_ = stripe_size(size, stripes);
  for (unsigned i = 0; i < stripes; ++i) {
    files_.emplace_back(env, stripe_path(path, i), O_WRONLY | O_CREAT | O_EXCL, 0600);
  }
}

SharedFileWriter::~SharedFileWriter() {
  if (!kept_) remove_shared_file(env_, path_, stripes());
}

void SharedFileWriter::write_stripe(std::size_t number, base::ByteView bytes, bool last) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), kPiece));
    files_[number].write(piece);
    if (last) drop(piece);
    bytes = bytes.subspan(piece.size());
  }
}

void SharedFileWriter::write(base::ByteView bytes, bool last) {
  std::vector<std::exception_ptr> failures(files_.size());
  std::vector<std::jthread> helpers;
  while (!bytes.empty()) {
    const std::size_t number = at_ / stripe_;
    const auto part = bytes.first(std::min<std::uint64_t>(bytes.size(), (number + 1) * stripe_ - at_));
    const auto work = [this, number, part, last, &failure = failures[number]] {
      try {
        write_stripe(number, part, last);
      } catch (...) {
        failure = std::current_exception();
      }
    };
    at_ += part.size();
    bytes = bytes.subspan(part.size());
    if (bytes.empty() || part.size() < kPiece) {
      work();
    } else {
      helpers.emplace_back(work);
    }
  }
  helpers.clear();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

std::string shared_file_path(const std::string& folder, std::uint64_t number) {
  return folder + "/shared-" + std::to_string(number);
}

void remove_shared_file(base::Env& env, const std::string& path, unsigned stripes) {
  for (unsigned i = 0; i < stripes; ++i) env.remove(stripe_path(path, i));
}

SharedFileMapping::SharedFileMapping(base::Env& env, const std::string& path, std::uint64_t size, unsigned stripes) {
  const std::uint64_t stripe = stripe_size(size, stripes);
  room_size_ = stripe * stripes + kLargePage;
  void* const room = ::mmap(nullptr, room_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) base::throw_file_error(-errno, "map", path);
  room_ = static_cast<unsigned char*>(room);
  auto* const begin = room_ + (kLargePage - reinterpret_cast<std::uintptr_t>(room_) % kLargePage) % kLargePage;
  data_ = begin;
  for (unsigned i = 0; i * stripe < size; ++i) {
    const std::string stripe_file = stripe_path(path, i);
    const auto file = base::open_beneath(env, path.substr(0, path.rfind('/')), stripe_file, O_RDONLY);
    const std::uint64_t length = std::min(stripe, size - i * stripe);
    if (file.size() < length)
      throw base::Error(base::ExitCode::kDamaged, "'" + file.path() + "' is shorter than it was written");
    void* const mapped =
        ::mmap(begin + i * stripe, length, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file.fd(), 0);
    if (mapped == MAP_FAILED) base::throw_file_error(-errno, "map", file.path());
  }
}

SharedFileMapping::SharedFileMapping(SharedFileMapping&& other) noexcept
    : room_(std::exchange(other.room_, nullptr)), room_size_(other.room_size_), data_(other.data_) {}

SharedFileMapping& SharedFileMapping::operator=(SharedFileMapping&& other) noexcept {
  std::swap(room_, other.room_);
  std::swap(room_size_, other.room_size_);
  std::swap(data_, other.data_);
  return *this;
}

SharedFileMapping::~SharedFileMapping() {
  if (room_) ::munmap(room_, room_size_);
}

}  // namespace jobhost::store
