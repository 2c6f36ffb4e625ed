#pragma once

#include <string>
#include <vector>

#include "store/failure.hpp"
#include "store/mailbox.hpp"

namespace jobhost::store {

/// Where a lane writes what does not fit into a request: results of varying size, and failures. For one thread. Blocks
/// of a lane that died are used on by the one that takes its place.
class ResultArena {
 public:
  /// The mailbox outlives it.
  ResultArena(const Mailbox& mailbox, unsigned lane) : mailbox_(mailbox), lane_(lane), blocks_(mailbox.arena(lane)) {}

  struct Room {
    unsigned char* data = nullptr;
    std::uint64_t size = 0;
  };
  /// At least `size` bytes to write to, more where there are more; the first `kept` are those of the room before.
  /// Throws Error(kBackendFailed) when nobody reads what was written.
  Room room(std::uint64_t size, std::uint64_t kept = 0);
  /// Makes the first `size` bytes of the room what `tasks` tasks left; it is kept until the host let go of each.
  Place commit(std::uint64_t size, std::uint64_t tasks);

  /// A failure with the files that its stack refers to.
  Place write_failure(const Failure& failure, const std::vector<std::string>& modules);

 private:
  void next_block(std::uint64_t size);

  const Mailbox& mailbox_;
  unsigned lane_;
  ArenaBlock* blocks_;
  std::uint32_t block_ = Place::kNowhere;
  Room room_;
  std::uint64_t at_ = 0;              // begin of the room in the block
  std::vector<std::string> modules_;  // as last written
  Place modules_place_;
};

/// A failure, and where the list of files is that its stack refers to.
struct FailureReply {
  Failure failure;
  Place modules;
};
FailureReply read_failure(const Mailbox& mailbox, const Place& place);
std::vector<std::string> read_modules(const Mailbox& mailbox, const Place& place);

}  // namespace jobhost::store
