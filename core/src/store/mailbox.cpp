#include "store/mailbox.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file.hpp"
#include "store/doorbell.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kInline = 2016;  // bytes of a request or reply that are kept in the slot
// Larger ones have a place of their own in the sparse file, and shared values another one.
constexpr std::uint64_t kSpills = std::uint64_t{1} << 40, kSpillRoom = std::uint64_t{1} << 36;
constexpr std::uint64_t kRegions = std::uint64_t{1} << 50;
constexpr std::uint64_t kPage = 4096;
// Some ten microseconds: less than it takes to be woken, little enough that nobody pays for it.
constexpr int kSpins = 1000;
constexpr std::size_t kMappedRegions = 8;

std::uint64_t whole_pages(std::uint64_t size) { return (size + kPage - 1) / kPage * kPage; }

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// True when the word changed from `seen` during a short spin.
bool changes_soon(const std::atomic<std::uint32_t>& word, std::uint32_t seen) {
  for (int i = 0; i < kSpins; ++i) {
    if (word.load(std::memory_order_acquire) != seen) return true;
    relax();
  }
  return false;
}

struct Part {
  std::uint64_t region, size;  // region 0: the value follows the table
};
struct RequestHeader {
  std::uint64_t entry, result_size, columns;  // result_size kVaries: its size varies
};
constexpr std::uint64_t kVaries = UINT64_MAX;

}  // namespace

struct alignas(kPage) Mailbox::Slot {
  std::atomic<std::uint64_t> task;
  std::atomic<SlotState> state;
  std::atomic<std::uint32_t> cancelled;
  std::uint64_t request_size, reply_size;
  unsigned char request[kInline], reply[kInline];
};

struct Mailbox::Page {
  alignas(128) std::atomic<std::uint64_t> posted;
  std::atomic<std::uint32_t> posts;  // futex: counts posts and other reasons to look
  std::atomic<std::uint32_t> sleepers, spinner;
  alignas(128) std::atomic<std::uint32_t> replies;  // futex
  std::atomic<std::uint32_t> waiters;
  Slot slots[kSlots];
};

Mailbox::Mailbox() : next_region_(kRegions) {
  fd_ = ::memfd_create("jobhost-mailbox", MFD_CLOEXEC);
  if (fd_ < 0) base::throw_file_error(-errno, "make", "shared memory");
  // Written, not touched: a page fault each would cost far more.
  const base::Bytes zeros(sizeof(Page));
  put(0, zeros);
  map();
}

Mailbox::Mailbox(int fd) : fd_(fd), next_region_(0) {
  struct ::stat status {};
  if (::fstat(fd, &status) < 0) base::throw_file_error(-errno, "look at", "shared memory");
  if (status.st_size < static_cast<off_t>(sizeof(Page))) base::throw_file_error(-EINVAL, "use", "shared memory");
  map();
}

Mailbox::~Mailbox() {
  ::munmap(page_, sizeof(Page));
  ::close(fd_);
}

void Mailbox::map() {
  void* memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, 0);
  if (memory == MAP_FAILED) base::throw_file_error(-errno, "map", "shared memory");
  page_ = static_cast<Page*>(memory);
}

Mailbox::Slot& Mailbox::slot(std::uint64_t task) const { return page_->slots[task % kSlots]; }

void Mailbox::put(std::uint64_t offset, base::ByteView bytes) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno != EINTR) base::throw_file_error(-errno, "write", "shared memory");
    if (written <= 0) continue;
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void Mailbox::punch(std::uint64_t offset, std::uint64_t size) {
  ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
              static_cast<off_t>(whole_pages(size)));
}

namespace {

std::uint64_t spill(std::uint64_t task, unsigned which) {
  return kSpills + (2 * (task % Mailbox::kSlots) + which) * kSpillRoom;
}

}  // namespace

void Mailbox::post(std::uint64_t task, const Request& request) {
  Slot& slot = this->slot(task);
  RequestHeader header{request.entry, request.result_size.value_or(kVaries), request.columns.size()};
  std::uint64_t size = sizeof header + header.columns * sizeof(Part);
  for (const auto& column : request.columns) size += column.value.size();
  if (size > kSpillRoom) base::throw_file_error(-EFBIG, "post", "the arguments of a call");
  base::Bytes large;
  unsigned char* out = slot.request;
  if (size > kInline) {
    large.resize(size);
    out = large.data();
  }
  const auto append = [&out](const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(out, from, bytes);
    out += bytes;
  };
  append(&header, sizeof header);
  for (const auto& column : request.columns) {
    const Part part{column.region, column.region ? column.size : column.value.size()};
    append(&part, sizeof part);
  }
  for (const auto& column : request.columns) append(column.value.data(), column.value.size());
  if (!large.empty()) put(spill(task, 0), large);
  slot.request_size = size;
  slot.cancelled.store(0, std::memory_order_relaxed);
  slot.task.store(task, std::memory_order_relaxed);
  slot.state.store(SlotState::kPosted, std::memory_order_release);
  page_->posted.store(task + 1, std::memory_order_release);
  page_->posts.fetch_add(1);
  // A lane that spins will see it, and wakes others if it finds more than it takes.
  if (page_->spinner.load() == 0 && page_->sleepers.load() > 0) futex_wake(page_->posts, 1);
}

SlotState Mailbox::state(std::uint64_t task) const {
  const Slot& slot = this->slot(task);
  if (slot.task.load(std::memory_order_relaxed) != task) return SlotState::kFree;
  return slot.state.load(std::memory_order_acquire);
}

void Mailbox::read_reply(std::uint64_t task, std::string& reply) const {
  const Slot& slot = this->slot(task);
  if (slot.reply_size <= kInline) {
    reply.assign(reinterpret_cast<const char*>(slot.reply), slot.reply_size);
    return;
  }
  reply.resize(slot.reply_size);
  for (std::size_t at = 0; at < reply.size();) {
    const auto got = ::pread(fd_, reply.data() + at, reply.size() - at, static_cast<off_t>(spill(task, 1) + at));
    if (got == 0 || (got < 0 && errno != EINTR)) base::throw_file_error(got < 0 ? -errno : -EIO, "read", "a reply");
    if (got > 0) at += static_cast<std::size_t>(got);
  }
}

void Mailbox::free(std::uint64_t task) {
  Slot& slot = this->slot(task);
  if (slot.request_size > kInline) punch(spill(task, 0), slot.request_size);
  if (slot.reply_size > kInline) punch(spill(task, 1), slot.reply_size);
  slot.request_size = slot.reply_size = 0;
  slot.state.store(SlotState::kFree, std::memory_order_release);
}

void Mailbox::cancel(std::uint64_t task) { slot(task).cancelled.store(1, std::memory_order_relaxed); }

std::uint64_t Mailbox::share(base::ByteView value) {
  const std::uint64_t region = next_region_.fetch_add(whole_pages(value.size()));
  put(region, value);
  return region;
}

void Mailbox::unshare(std::uint64_t region, std::uint64_t size) { punch(region, size); }

std::uint32_t Mailbox::replies() const { return page_->replies.load(); }

void Mailbox::wait_reply(std::uint32_t seen, std::uint64_t timeout_ns) {
  if (changes_soon(page_->replies, seen)) return;
  page_->waiters.fetch_add(1);
  futex_wait(page_->replies, seen, timeout_ns);
  page_->waiters.fetch_sub(1);
}

std::uint64_t Mailbox::posted() const { return page_->posted.load(std::memory_order_acquire); }

bool Mailbox::wanted(std::uint64_t task) const {
  return state(task) == SlotState::kPosted && slot(task).cancelled.load(std::memory_order_relaxed) == 0;
}

void Mailbox::reply(std::uint64_t task, SlotState state, base::ByteView reply) {
  Slot& slot = this->slot(task);
  if (reply.size() <= kInline) {
    if (!reply.empty()) std::memcpy(slot.reply, reply.data(), reply.size());
  } else {
    put(spill(task, 1), reply);
  }
  slot.reply_size = reply.size();
  slot.state.store(state, std::memory_order_release);
  page_->replies.fetch_add(1);
  if (page_->waiters.load() > 0) futex_wake_all(page_->replies);
}

std::uint32_t Mailbox::posts() const { return page_->posts.load(); }

void Mailbox::wait_task(std::uint32_t seen, std::uint64_t timeout_ns) {
  if (page_->spinner.exchange(1) == 0) {
    const bool changed = changes_soon(page_->posts, seen);
    page_->spinner.store(0);
    if (changed) return;
  }
  page_->sleepers.fetch_add(1);
  futex_wait(page_->posts, seen, timeout_ns);
  page_->sleepers.fetch_sub(1);
}

void Mailbox::wake_another_lane() {
  if (page_->sleepers.load(std::memory_order_relaxed) > 0) futex_wake(page_->posts, 1);
}

std::vector<std::uint64_t> Mailbox::unanswered() const {
  std::vector<std::uint64_t> tasks;
  for (const Slot& slot : page_->slots) {
    if (slot.state.load(std::memory_order_acquire) != SlotState::kPosted) continue;
    tasks.push_back(slot.task.load(std::memory_order_relaxed));
  }
  std::sort(tasks.begin(), tasks.end());
  return tasks;
}

void Mailbox::wake_lanes() {
  page_->posts.fetch_add(1);
  futex_wake_all(page_->posts);
}

void Mailbox::forget_dead_lanes() { page_->spinner.store(0); }

Mailbox::Reader::~Reader() {
  for (const auto& mapping : regions_) ::munmap(const_cast<unsigned char*>(mapping.data), mapping.size);
  if (large_.data) ::munmap(const_cast<unsigned char*>(large_.data), large_.size);
}

Mailbox::Reader::Mapping Mailbox::Reader::map(std::uint64_t offset, std::uint64_t size) const {
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, mailbox_.fd_, static_cast<off_t>(offset));
  if (memory == MAP_FAILED) base::throw_file_error(-errno, "map", "shared memory");
  return {offset, size, 0, static_cast<const unsigned char*>(memory)};
}

const unsigned char* Mailbox::Reader::region(std::uint64_t offset, std::uint64_t size) {
  for (auto& mapping : regions_) {
    if (mapping.offset != offset) continue;
    mapping.used = requests_;
    return mapping.data;
  }
  if (regions_.size() >= kMappedRegions) {
    const auto oldest = std::min_element(regions_.begin(), regions_.end(),
                                         [](const auto& a, const auto& b) { return a.used < b.used; });
    if (oldest->used < requests_) {  // not of this request
      ::munmap(const_cast<unsigned char*>(oldest->data), oldest->size);
      regions_.erase(oldest);
    }
  }
  regions_.push_back(map(offset, size));
  regions_.back().used = requests_;
  return regions_.back().data;
}

Mailbox::Reader::Task Mailbox::Reader::read(std::uint64_t task, std::vector<jobhost_column>& columns) {
  const Slot& slot = mailbox_.slot(task);
  ++requests_;
  base::ByteView bytes(slot.request, std::min(slot.request_size, kInline));
  if (slot.request_size > kInline) {
    if (large_.data) ::munmap(const_cast<unsigned char*>(large_.data), large_.size);
    large_ = {};
    large_ = map(spill(task, 0), slot.request_size);
    bytes = {large_.data, large_.size};
  }
  base::ByteReader reader(bytes);
  const auto header = reader.value<RequestHeader>();
  if (header.columns > reader.remaining() / sizeof(Part)) {
    throw base::Error(base::ExitCode::kDamaged, "a request in shared memory is damaged");
  }
  base::ByteReader values(bytes.subspan(sizeof header + header.columns * sizeof(Part)));
  columns.resize(header.columns);
  for (auto& column : columns) {
    const auto part = reader.value<Part>();
    column = {part.region ? region(part.region, part.size) : values.take(part.size).data(), nullptr, 0, part.size};
  }
  if (header.result_size == kVaries) return {header.entry, std::nullopt};
  return {header.entry, header.result_size};
}

base::Bytes failure_reply(const Failure& failure, const std::vector<std::string>& modules) {
  base::Bytes record, reply;
  encode(failure, record);
  base::append_text(reply, base::as_text(record));
  encode_modules(modules, reply);
  return reply;
}

std::pair<Failure, std::vector<std::string>> read_failure(base::ByteView reply) {
  base::ByteReader reader(reply);
  const auto record = reader.take(reader.value<std::uint64_t>());
  return {decode_failure(record), decode_modules(reader.take(reader.remaining()))};
}

}  // namespace jobhost::store
