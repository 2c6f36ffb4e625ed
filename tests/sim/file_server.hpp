#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/fibers.hpp"
#include "sim/sim_env.hpp"

namespace jobhost::test {

/// What a client asks a file server for. Listing takes a question per kNamesPerList names.
enum class Operation {
  kOpen,
  kCreate,
  kClose,
  kRead,
  kWrite,
  kCommit,
  kAttributes,
  kList,
  kLink,
  kRename,
  kRemove,
  kMakeDirectory
};
inline constexpr std::array kOperationNames = {"open", "create", "close", "read",   "write",  "commit",
                                               "attr", "list",   "link",  "rename", "remove", "mkdir"};
inline constexpr std::size_t kOperations = kOperationNames.size();

/// One server, which does so much in a second, in the order in which it is asked.
class FileServer {
 public:
  FileServer(SimWorld& world, Fibers& fibers, double per_second, std::uint64_t latency_ns)
      : world_(world), fibers_(fibers), each_(static_cast<std::uint64_t>(1e9 / per_second)), latency_(latency_ns) {}

  /// Returns when it is done, as seen by the client.
  void ask(std::size_t purpose, Operation operation, std::uint64_t times);
  void carry(std::size_t purpose, std::uint64_t bytes) { bytes_.at(purpose) += bytes; }

  using ByOperation = std::array<std::uint64_t, kOperations>;
  void purposes(std::size_t count) { counts_.resize(count), bytes_.resize(count); }
  const std::vector<ByOperation>& counts() const { return counts_; }
  const std::vector<std::uint64_t>& bytes() const { return bytes_; }
  const std::vector<std::uint32_t>& by_second() const { return by_second_; }  // since the world began
  std::uint64_t longest_wait() const { return longest_wait_; }

  struct List {
    std::uint64_t modified = 0;
    std::vector<std::string> names;
  };
  std::unordered_map<const SimNode*, List> lists;

 private:
  SimWorld& world_;
  Fibers& fibers_;
  const std::uint64_t each_, latency_;
  std::uint64_t free_at_ = 0, longest_wait_ = 0;
  std::vector<ByOperation> counts_;   // by purpose
  std::vector<std::uint64_t> bytes_;  // likewise
  std::vector<std::uint32_t> by_second_;
};

/// What a machine's client knows of the server's files without asking. All its processes share that.
struct ClientCache {
  std::unordered_map<const SimNode*, std::uint64_t> listed;      // as of which change
  std::unordered_map<const SimNode*, std::uint64_t> attributes;  // until when
  std::unordered_map<const SimNode*, std::uint64_t> unwritten;   // bytes
};

/// A process's view of a job on the file server, as an NFS 4 client has it: opening and closing are questions, what is
/// written goes out when the file is closed or synced, lists are asked for again when the folder changed, and
/// attributes when they are old.
class ServedEnv : public SimEnv {
 public:
  ServedEnv(SimWorld& world, SimMachine& machine, ClientCache& cache, FileServer& server, Fibers& fibers)
      : SimEnv(world, machine), world_(world), cache_(cache), server_(server), fibers_(fibers) {}

  std::size_t purpose = 0;  // of what is asked from now on

  int open(const std::string& path, int flags, mode_t mode) override;
  int close(int fd) override;
  ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) override;
  ssize_t write(int fd, const void* data, std::size_t size) override;
  int sync(int fd) override;
  int link(const std::string& from, const std::string& to) override;
  int rename(const std::string& from, const std::string& to) override;
  int remove(const std::string& path) override;
  int make_directory(const std::string& path, mode_t mode) override;
  int list(const std::string& path, std::vector<std::string>& names) override;
  int status(const std::string& path, base::FileStatus& status) override;
  using SimEnv::status;
  std::int64_t file_system(const std::string& path) override;
  void sleep_ns(std::uint64_t duration) override;

 private:
  void ask(Operation operation, std::uint64_t times = 1) { server_.ask(purpose, operation, times); }
  void write_out(const SimNode* node);

  SimWorld& world_;
  ClientCache& cache_;
  FileServer& server_;
  Fibers& fibers_;
  std::unordered_map<int, const SimNode*> open_;  // beneath /proc: null
};

}  // namespace jobhost::test
