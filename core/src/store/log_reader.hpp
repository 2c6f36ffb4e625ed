#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "store/log_format.hpp"
#include "store/log_writer.hpp"

namespace jobhost::store {

/// A frame whose header and payload match their checksums.
struct Frame {
  FrameHeader header;
  std::uint64_t payload_offset = 0;
  std::uint64_t end() const { return payload_offset + padded(header.length); }
};

/// Follows one log while it grows. A frame counts once all of it matches its checksums; one that is not (or not yet)
/// whole costs only itself, because the next is found by its magic, its own offset and its checksum.
class LogReader {
 public:
  /// How long the file stays open. Where a file system lags, opening is what asks how long a file is by now.
  enum class Hold { kAlways, kUntilQuiet, kWhileRead };
  /// `root`: the job's directory, which the path does not leave; "": the folder that the log is in.
  LogReader(base::Env& env, std::string path, const Id128& manifest, std::string root = "", Hold hold = Hold::kAlways);

  /// The next frame, or nothing when none is complete yet. Frames come in file order, but for those that turn up later
  /// in a gap: a file system may show bytes before those in front of them.
  std::optional<Frame> next();

  /// What is read next is as new as the file system has it.
  void renew() { file_.reset(); }

  /// The payload of a frame of this log into `bytes`; false when it does not match its checksum any more.
  bool read_payload(const Frame& frame, base::Bytes& bytes) const;

  const std::string& path() const { return path_; }

  /// Bytes in front of a good frame, or within a frame whose header is good, that no checksum vouches for.
  struct Gap {
    std::uint64_t begin = 0, end = 0;
    std::optional<FrameHeader> header;  // of the frame that is lost, where that much is known
  };
  const std::vector<Gap>& gaps() const { return gaps_; }
  /// One bit of the segment header is wrong, and known.
  bool header_mended() const { return mended_; }

  /// What stands behind the last good frame. A write that was cut off leaves the beginning of a frame, or zeros where
  /// the machine lost power; anything else is damage. Call when nobody writes.
  enum class Tail { kNone, kCutOff, kDamaged };
  Tail tail();
  std::uint64_t position() const { return position_; }  // where it begins

 private:
  /// Bytes of the file that were read together, as small frames side by side are.
  struct Block {
    std::uint64_t begin = 0, size = 0, capacity = 0;
    std::unique_ptr<unsigned char[]> bytes;  // not a vector, which would clear what is about to be read
    bool holds(std::uint64_t offset, std::uint64_t wanted) const {
      return offset >= begin && offset - begin <= size && wanted <= size - (offset - begin);
    }
    const unsigned char* at(std::uint64_t offset) const { return bytes.get() + (offset - begin); }
  };
  enum class State { kWhole, kIncomplete, kNoHeader, kWrongPayload };

  std::optional<Frame> next_frame();
  Tail look_behind();
  bool open_file() const;
  void rest();
  void close_file() const;
  bool read_segment_header();
  bool sound(const SegmentHeader& header) const;
  bool mend(SegmentHeader& header) const;
  bool read_block(Block& block, std::uint64_t offset, std::uint64_t size) const;
  bool header_at(std::uint64_t offset, FrameHeader& header) const;
  State look_at(std::uint64_t offset, Frame& frame);
  State state_at(std::uint64_t offset, Frame& frame);
  State payload_state(const Frame& frame);
  std::optional<std::uint64_t> find_header(std::uint64_t from, std::uint64_t end);
  void skip_to(std::uint64_t end, std::optional<FrameHeader> header);
  void expect_more();
  void look_again();

  base::Env& env_;
  std::string path_, root_;
  Id128 manifest_;
  Hold hold_;
  mutable std::optional<base::File> file_;
  mutable std::uint64_t opened_ = 0;  // monotonic
  std::uint64_t quiet_since_ = 0;     // likewise; 0: something was read last
  std::uint64_t position_ = 0;
  std::uint64_t searched_ = 0;  // behind position_, where no frame begins; up to here there is no other
  std::uint32_t seed_ = 0;
  bool mended_ = false;
  std::uint64_t known_size_ = 0;
  std::vector<Gap> gaps_;
  std::deque<Frame> late_;                              // found in gaps
  std::uint64_t missed_since_ = 0, look_again_at_ = 0;  // monotonic; 0: nothing is missed
  Block block_;
  mutable Block payloads_;
};

/// Takes off what stands behind the last good frame of a log whose writer is dead. A log that is not there is fine.
void trim_log(base::Env& env, const std::string& path, const Id128& manifest);

}  // namespace jobhost::store
