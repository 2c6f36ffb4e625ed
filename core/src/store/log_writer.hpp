#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/file.hpp"
#include "store/log_format.hpp"

namespace jobhost::store {

using Id128 = std::array<unsigned char, 16>;

/// What a caller says of a frame; the writer fills in the rest.
struct FrameInfo {
  FrameKind kind = FrameKind::kResults;
  std::uint64_t first = 0, count = 0;
  std::uint64_t nanoseconds = 0;
  std::uint16_t attempt = 1;
  std::uint64_t started = 0;
};

/// Appends frames to a new log file. Frames are committed when `flush` returns: they survive the death of this process,
/// and with `durable` a power cut. When a write fails the file is cut back to what was committed and Error is thrown,
/// as when the disk refuses to sync it; the writer is then unusable.
class LogWriter {
 public:
  /// Creates `path`, which must not exist.
  LogWriter(base::Env& env, const std::string& path, const Id128& worker, std::uint32_t lane, const Id128& manifest,
            bool durable = false);

  /// The payload is the concatenation of `parts`. Small frames are collected and written together.
  void add(const FrameInfo& info, std::initializer_list<base::ByteView> parts);
  void flush();
  /// What others did to the log through its descriptor, which tasks can reach. Closed: whatever has that number now.
  /// Written: taken off again.
  enum class State { kUntouched, kClosed, kWritten, kCut };
  State look();
  void append(const FrameInfo& info, std::initializer_list<base::ByteView> parts) {
    add(info, parts);
    flush();
  }

 private:
  void write(base::ByteView bytes);
  void sync();

  base::Env& env_;
  base::File file_;
  std::uint64_t inode_ = 0;
  bool failed_ = false;                    // a write did: nobody knows how long the file is
  bool durable_, named_ = false;           // the directory entry is durable, too
  std::uint64_t end_ = 0, committed_ = 0;  // with what is collected, and without
  std::uint64_t synced_ = 0;
  std::uint32_t seed_ = 0;
  base::Bytes buffer_;
};

}  // namespace jobhost::store
