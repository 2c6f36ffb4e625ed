#include "store/doorbell.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "base/file.hpp"
#include "store/shared_memory.hpp"

namespace jobhost::store {

struct Doorbell::Page {
  std::atomic<std::uint32_t> count{0};
  std::atomic<std::uint32_t> waiting{0};
  std::atomic<std::uint32_t> complained{0};  // 0 nothing, 1 being written, 2 there
  std::atomic<std::uint64_t> running{0}, running_since_ns{0};
  std::int32_t exit_code = 0;
  char message[2048] = {};
};

Doorbell::Doorbell()
    : Doorbell([] {
        const int fd = make_shared_memory("jobhost-doorbell", sizeof(Page));
        fix_size(fd);
        return fd;
      }()) {}

Doorbell::Doorbell(int fd) : fd_(fd) {
  struct ::stat status {};
  if (::fstat(fd, &status) < 0) base::throw_file_error(-errno, "look at", "shared memory");
  if (status.st_size < static_cast<off_t>(sizeof(Page))) base::throw_file_error(-EINVAL, "use", "shared memory");
  void* memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) base::throw_file_error(-errno, "map", "shared memory");
  page_ = static_cast<Page*>(memory);  // fresh memory is zero, which is the initial state
}

Doorbell::~Doorbell() {
  ::munmap(page_, sizeof(Page));
  close_descriptor();
}

void Doorbell::close_descriptor() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Doorbell::ring() {
  page_->count.fetch_add(1);
  if (page_->waiting.load() != 0) futex_wake_all(page_->count);
}

std::uint32_t Doorbell::count() const { return page_->count.load(); }

void Doorbell::wait(std::uint32_t seen, std::uint64_t timeout_ns) {
  page_->waiting.fetch_add(1);
  futex_wait(page_->count, seen, timeout_ns);
  page_->waiting.fetch_sub(1);
}

void Doorbell::set_longest_running(const Running& running) {
  page_->running_since_ns.store(0);  // there is no time in between that belongs to another task
  page_->running.store(running.task);
  page_->running_since_ns.store(running.since_ns);
}

Doorbell::Running Doorbell::longest_running() const {
  const std::uint64_t since = page_->running_since_ns.load();
  const Running running{page_->running.load(), since};
  return page_->running_since_ns.load() == since ? running : Running{};
}

void Doorbell::complain(int exit_code, const std::string& message) {
  std::uint32_t nobody = 0;
  if (!page_->complained.compare_exchange_strong(nobody, 1)) return;
  page_->exit_code = exit_code;
  std::strncpy(page_->message, message.c_str(), sizeof page_->message - 1);
  page_->complained.store(2);
  ring();
}

std::pair<int, std::string> Doorbell::complaint() const {
  if (page_->complained.load() != 2) return {0, ""};
  return {page_->exit_code, std::string(page_->message, ::strnlen(page_->message, sizeof page_->message))};
}

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::uint64_t timeout_ns) {
  const timespec timeout{static_cast<time_t>(timeout_ns / 1'000'000'000ULL),
                         static_cast<long>(timeout_ns % 1'000'000'000ULL)};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

void futex_wake(const std::atomic<std::uint32_t>& word, int count) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

void futex_wake_all(const std::atomic<std::uint32_t>& word) { futex_wake(word, INT_MAX); }

}  // namespace jobhost::store
