#pragma once

#include "base/env.hpp"
#include "sim/sim_world.hpp"

namespace jobhost::test {

/// A process's view of its machine. Several may look at one machine.
class SimEnv : public base::Env {
 public:
  SimEnv(SimWorld& world, SimMachine& machine) : world_(world), machine_(machine) {}

  /// The process dies in the n-th call from now (0: it does not).
  void kill_in(std::uint64_t n) { life_left_ = n; }
  /// Bytes of a file that this machine sees now.
  std::uint64_t visible_size(const SimNode& node) { return seen(node, false).size; }

  int open(const std::string& path, int flags, mode_t mode) override;
  int close(int fd) override;
  ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) override;
  ssize_t read(int fd, void* data, std::size_t size) override;
  ssize_t write(int fd, const void* data, std::size_t size) override;
  int sync(int fd) override;
  int truncate(int fd, std::uint64_t size) override;
  int link(const std::string& from, const std::string& to) override;
  int rename(const std::string& from, const std::string& to) override;
  int remove(const std::string& path) override;
  int make_directory(const std::string& path, mode_t mode) override;
  int list(const std::string& path, std::vector<std::string>& names) override;
  int status(const std::string& path, base::FileStatus& status) override;
  int status(int fd, base::FileStatus& status) override;
  int touch(const std::string& path) override;
  std::int64_t file_system(const std::string& path) override;
  std::uint64_t monotonic_ns() override;
  std::uint64_t wall_ns() override;
  void sleep_ns(std::uint64_t duration) override;
  void random(void* data, std::size_t size) override;
  int spawn(const base::SpawnRequest&) override;
  int fork(const base::SpawnRequest&, const std::function<int()>&) override;
  int wait(int, bool, base::ExitStatus&) override;
  int kill(int, int) override;

 private:
  struct Seen {
    const base::Bytes* bytes;
    std::uint64_t size;  // of those, how many
    std::uint64_t sure;  // beyond this, some may be missing
    std::uint64_t salt;
  };
  Seen seen(const SimNode& node, bool fresh);
  SimNode* look_up(const std::string& path);
  int open_proc(const std::string& path);
  int descriptor(SimWorld::Descriptor made);
  void fill(const SimNode& node, base::FileStatus& status);

  bool gone();

  SimWorld& world_;
  SimMachine& machine_;
  std::uint64_t life_left_ = 0;
  bool killed_ = false;
};

}  // namespace jobhost::test
