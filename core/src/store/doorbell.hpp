#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace jobhost::store {

/// A page shared by a host and the local workers it started: they ring it when results are committed, so that the host
/// need not poll. Only an accelerator: a host without it polls the job directory and sees the same.
class Doorbell {
 public:
  /// Makes the page; `fd()` is what workers inherit.
  Doorbell();
  /// Maps a page made by another process. Throws Error(kBackendFailed) when the descriptor is none.
  explicit Doorbell(int fd);
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell();

  int fd() const { return fd_; }
  /// For a process that hands it on to no other; the page stays.
  void close_descriptor();
  void ring();
  /// How often it rang, modulo 2^32; read before looking at the logs, then given to `wait`.
  std::uint32_t count() const;
  /// Returns when the count differs from `seen`, after `timeout_ns`, or on a signal.
  void wait(std::uint32_t seen, std::uint64_t timeout_ns);

  /// Which task has been running longest, since when by the monotonic clock; 0: none.
  struct Running {
    std::uint64_t task = 0, since_ns = 0;
  };
  void set_longest_running(const Running& running);
  Running longest_running() const;

  /// A worker's last words, for when the disk cannot take them. Kept: the first ones.
  void complain(int exit_code, const std::string& message);
  /// Exit code and message; code 0 when nobody complained.
  std::pair<int, std::string> complaint() const;

 private:
  struct Page;
  Page* page_ = nullptr;
  int fd_ = -1;
};

/// Sleeps while *word == expected, at most `timeout_ns`; works across processes on shared memory.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::uint64_t timeout_ns);
void futex_wake(const std::atomic<std::uint32_t>& word, int count);
void futex_wake_all(const std::atomic<std::uint32_t>& word);

}  // namespace jobhost::store
