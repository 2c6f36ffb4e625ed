#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace jobhost::worker {

/// Some changed bytes of a loaded file.
struct ChangedData {
  std::string module;    // path
  std::uint64_t offset;  // address minus load bias
  std::uint64_t size;
};

/// Finds out whether the global and static variables of loaded code change: compares its writable data with a copy.
/// What they own elsewhere (heap, thread-local memory) is not looked at.
class DataWatch {
 public:
  /// Copies the data of these files as they are now, up to `most` bytes in all. `expected`: ranges of addresses that
  /// may change.
  struct Range {
    std::uintptr_t begin, end;
  };
  DataWatch(const std::vector<std::string>& modules, const std::vector<Range>& expected, std::uint64_t most);

  /// What changed since the last look, or since the beginning. Nothing while another thread looks.
  std::vector<ChangedData> look();

  std::uint64_t left_out() const { return left_out_; }  // bytes of data beyond the limit

 private:
  struct Part {
    std::string module;
    std::uintptr_t bias = 0, begin = 0;
    base::Bytes copy;
  };
  std::vector<Part> parts_;
  std::uint64_t left_out_ = 0;
  std::mutex mutex_;
};

}  // namespace jobhost::worker
