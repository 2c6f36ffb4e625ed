#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/file.hpp"
#include "store/log_format.hpp"
#include "store/log_writer.hpp"

namespace jobhost::store {

/// A frame whose header is verified; its payload is not yet.
struct Frame {
  FrameHeader header;
  std::uint64_t payload_offset = 0;
};

/// Follows one log while it grows. Frames come in file order; a frame that is not (or not yet) whole ends the reading,
/// and a later call tries again from there.
class LogReader {
 public:
  /// `root`: the job's directory, which the path does not leave; "": the folder that the log is in.
  LogReader(base::Env& env, std::string path, const Id128& manifest, std::string root = "");

  /// The next frame, or nothing when none is complete yet. Lengths are checked against the file's size.
  std::optional<Frame> next();

  /// The payload of a frame of this log into `bytes`; false when it does not match its checksum or its padding
  /// is not zero.
  bool read_payload(const Frame& frame, base::Bytes& bytes) const;

  const std::string& path() const { return path_; }
  /// What stands behind the last good frame. A write that was cut off leaves the beginning of a frame, or zeros where
  /// the machine lost power; anything else is damage. Call when nobody writes.
  enum class Tail { kNone, kCutOff, kDamaged };
  Tail tail();
  std::uint64_t position() const { return position_; }  // where it begins

 private:
  /// Bytes of the file that were read together, as small frames side by side are.
  struct Block {
    std::uint64_t begin = 0, size = 0;
    std::unique_ptr<unsigned char[]> bytes;  // not a vector, which would clear what is about to be read
    bool holds(std::uint64_t offset, std::uint64_t wanted) const {
      return offset >= begin && offset - begin <= size && wanted <= size - (offset - begin);
    }
    const unsigned char* at(std::uint64_t offset) const { return bytes.get() + (offset - begin); }
  };

  bool open();
  bool read_block(Block& block, std::uint64_t offset, std::uint64_t size) const;
  bool header_at(std::uint64_t offset, FrameHeader& header);
  bool fits(const Frame& frame, base::Bytes& payload) const;

  base::Env& env_;
  std::string path_, root_;
  Id128 manifest_;
  std::optional<base::File> file_;
  std::uint64_t position_ = 0;
  std::uint32_t seed_ = 0;
  std::uint64_t known_size_ = 0;
  Block headers_;
  mutable Block payloads_;
};

}  // namespace jobhost::store
