#include "store/log_reader.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "base/beneath.hpp"
#include "base/checksum.hpp"
#include "base/stale.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kBlock = 64 << 10;
constexpr std::uint64_t kFarthest = 256 << 20;  // bytes without a header, behind which nothing is looked for
constexpr std::uint64_t kFirstLookAgainNs = 100'000'000;
constexpr std::uint64_t kShortestHoldNs = 1'000'000'000, kLongestHoldNs = 15'000'000'000;

template <class T>
bool read_struct(const base::File& file, std::uint64_t offset, T& value) {
  return file.read_at(offset, {reinterpret_cast<unsigned char*>(&value), sizeof value}) == sizeof value;
}

template <class T>
base::ByteView bytes_of(const T& value) {
  return {reinterpret_cast<const unsigned char*>(&value), sizeof value};
}

bool all_zero(base::ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; });
}

/// Calls `take` for pieces of the file from `begin` on; false when the file ends before `end`, or `take` says so.
template <class Take>
bool in_pieces(const base::File& file, std::uint64_t begin, std::uint64_t end, const Take& take) {
  base::Bytes piece(std::min(end - begin, kBlock));
  for (std::uint64_t at = begin; at < end; at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(piece.size(), end - at));
    if (file.read_at(at, piece) < piece.size() || !take(base::ByteView(piece))) return false;
  }
  return true;
}

}  // namespace

LogReader::LogReader(base::Env& env, std::string path, const Id128& manifest, std::string root, Hold hold)
    : env_(env),
      path_(std::move(path)),
      root_(root.empty() ? path_.substr(0, path_.rfind('/')) : std::move(root)),
      manifest_(manifest),
      hold_(hold) {}

bool LogReader::sound(const SegmentHeader& header) const {
  return header.magic == kSegmentMagic && header.format == kLogFormat && header.manifest == manifest_ &&
         header.reserved == 0 && header.checksum == base::crc32c(bytes_of(header).first(60));
}

/// Without its header no frame of a log can be believed, so a single wrong bit is put right: half of the header is
/// known beforehand, its checksum tells which bit it is, and a wrong guess would make a seed that fits no frame.
bool LogReader::mend(SegmentHeader& header) const {
  auto* bytes = reinterpret_cast<unsigned char*>(&header);
  for (std::size_t bit = 0; bit < 8 * sizeof header; ++bit) {
    const auto mask = static_cast<unsigned char>(1u << (bit % 8));
    bytes[bit / 8] ^= mask;
    if (sound(header)) return true;
    bytes[bit / 8] ^= mask;
  }
  return false;
}

bool LogReader::open_file() const {
  if (file_) return true;
  file_ = base::open_beneath_if_exists(env_, root_, path_, O_RDONLY);
  if (hold_ == Hold::kUntilQuiet) opened_ = env_.monotonic_ns();
  return file_.has_value();
}

/// There is nothing to read now. Asking after a log that says nothing gets rarer the longer that is so.
void LogReader::rest() {
  close_file();
  if (hold_ == Hold::kWhileRead) block_ = {}, payloads_ = {};  // there are thousands of logs
  if (hold_ != Hold::kUntilQuiet || !file_) return;
  const std::uint64_t now = env_.monotonic_ns();
  if (quiet_since_ == 0) quiet_since_ = now;
  if (now - opened_ >= std::clamp((now - quiet_since_) / 4, kShortestHoldNs, kLongestHoldNs)) renew();
}

void LogReader::close_file() const {
  if (hold_ == Hold::kWhileRead) file_.reset();
}

bool LogReader::read_segment_header() {
  SegmentHeader header;
  if (!open_file() || !read_struct(*file_, 0, header)) return false;
  if (!sound(header)) {
    if (!mend(header)) return false;
    mended_ = true;
  }
  seed_ = header.checksum;
  position_ = sizeof header;
  return true;
}

std::optional<Frame> LogReader::next() {
  std::optional<Frame> frame;
  try {
    frame = next_frame();
  } catch (const base::Stale&) {
    file_.reset();  // and opened again, if it is still there
  }
  if (!frame) {
    rest();
  } else {
    quiet_since_ = 0;
  }
  return frame;
}

std::optional<Frame> LogReader::next_frame() {
  if (position_ == 0 ? !read_segment_header() : !open_file()) return std::nullopt;
  if (missed_since_ != 0 && env_.monotonic_ns() >= look_again_at_) look_again();
  if (!late_.empty()) {
    const Frame frame = late_.front();
    late_.pop_front();
    return frame;
  }
  Frame frame;
  for (;;) {
    switch (look_at(position_, frame)) {
      case State::kWhole:
        position_ = frame.end();
        searched_ = 0;
        return frame;
      case State::kIncomplete:
        return std::nullopt;
      case State::kWrongPayload:
        skip_to(frame.end(), frame.header);
        break;
      case State::kNoHeader:
        const std::uint64_t size = known_size_;
        const auto found = find_header(std::max(position_ + 8, searched_), std::min(size, position_ + kFarthest));
        if (!found) {
          // A header that is only half there may begin in the last bytes.
          if (size >= sizeof(FrameHeader)) searched_ = std::max(searched_, (size - sizeof(FrameHeader)) / 8 * 8);
          expect_more();
          return std::nullopt;
        }
        skip_to(*found, std::nullopt);
    }
  }
}

void LogReader::skip_to(std::uint64_t end, std::optional<FrameHeader> header) {
  gaps_.push_back({position_, end, header});
  position_ = end;
  searched_ = 0;
  expect_more();
}

/// What is missed is looked for again whenever the time that it has been missed for has doubled: a lagging view of the
/// file catches up, damage stays and costs next to nothing.
void LogReader::expect_more() {
  if (missed_since_ != 0) return;
  missed_since_ = env_.monotonic_ns();
  look_again_at_ = missed_since_ + kFirstLookAgainNs;
}

void LogReader::look_again() {
  const std::uint64_t now = env_.monotonic_ns();
  look_again_at_ = now + (now - missed_since_);
  searched_ = 0;
  std::vector<Gap> left;
  for (const Gap& gap : gaps_) {
    std::uint64_t begin = gap.begin;
    for (std::uint64_t from = begin; const auto found = find_header(from, gap.end);) {
      Frame frame;
      from = *found + 8;
      if (look_at(*found, frame) != State::kWhole || frame.end() > gap.end) continue;
      if (*found > begin) left.push_back({begin, *found, std::nullopt});
      late_.push_back(frame);
      begin = from = frame.end();
    }
    if (begin < gap.end) left.push_back({begin, gap.end, begin == gap.begin ? gap.header : std::nullopt});
  }
  gaps_ = std::move(left);
}

LogReader::State LogReader::look_at(std::uint64_t offset, Frame& frame) {
  if (offset + sizeof frame.header > known_size_) known_size_ = file_->size();
  if (offset + sizeof frame.header > known_size_) return State::kIncomplete;
  // What the block holds may be older than the frame: looked at once more in the file before it is given up.
  if (block_.holds(offset, sizeof frame.header) && state_at(offset, frame) == State::kWhole) return State::kWhole;
  if (!read_block(block_, offset, sizeof frame.header)) return State::kIncomplete;
  return state_at(offset, frame);
}

LogReader::State LogReader::state_at(std::uint64_t offset, Frame& frame) {
  if (!header_at(offset, frame.header)) return State::kNoHeader;
  frame.payload_offset = offset + sizeof frame.header;
  for (bool fresh = false;; fresh = true) {
    const std::uint64_t space = known_size_ - frame.payload_offset;
    if (frame.header.length <= space && padded(frame.header.length) <= space) return payload_state(frame);
    if (fresh) return State::kIncomplete;
    known_size_ = std::max(file_->size(), frame.payload_offset);
  }
}

LogReader::State LogReader::payload_state(const Frame& frame) {
  const std::uint64_t length = frame.header.length, size = padded(length), offset = frame.payload_offset;
  std::uint32_t checksum = seed_;
  bool zeros = true;
  if (block_.holds(offset, size) || (size <= kBlock - sizeof frame.header &&
                                     read_block(block_, offset - sizeof frame.header, sizeof frame.header + size))) {
    checksum = base::crc32c({block_.at(offset), length}, seed_);
    zeros = all_zero({block_.at(offset + length), size - length});
  } else {
    const bool there = in_pieces(*file_, offset, offset + length, [&](base::ByteView piece) {
      checksum = base::crc32c(piece, checksum);
      return true;
    });
    unsigned char padding[8] = {};
    const std::span<unsigned char> rest(padding, size - length);
    if (!there || file_->read_at(offset + length, rest) < rest.size()) return State::kIncomplete;
    zeros = all_zero(rest);
  }
  return zeros && checksum == frame.header.payload_checksum ? State::kWhole : State::kWrongPayload;
}

/// The first place in [from, end) where a whole header stands. Payloads begin and end at multiples of 8.
std::optional<std::uint64_t> LogReader::find_header(std::uint64_t from, std::uint64_t end) {
  FrameHeader header;
  while (from + sizeof header <= end && read_block(block_, from, sizeof header)) {
    const std::uint64_t last = std::min(block_.begin + block_.size, end) - sizeof header;
    for (; from <= last; from += 8) {
      if (header_at(from, header)) return from;
    }
  }
  return std::nullopt;
}

bool LogReader::read_block(Block& block, std::uint64_t offset, std::uint64_t size) const {
  // Where there are thousands of logs, most are short.
  const std::uint64_t left = known_size_ > offset ? known_size_ - offset : 0, wanted = std::clamp(left, size, kBlock);
  if (block.capacity < wanted) {
    block.bytes = std::make_unique_for_overwrite<unsigned char[]>(wanted);
    block.capacity = wanted;
  }
  block.begin = offset;
  block.size = 0;
  block.size = file_->read_at(offset, {block.bytes.get(), block.capacity});
  return block.holds(offset, size);
}

bool LogReader::header_at(std::uint64_t offset, FrameHeader& header) const {
  std::memcpy(&header, block_.at(offset), sizeof header);
  return header.magic == kFrameMagic && header.offset == offset &&
         header.checksum == base::crc32c(bytes_of(header).subspan(8), seed_);
}

bool LogReader::read_payload(const Frame& frame, base::Bytes& bytes) const {
  const std::uint64_t length = frame.header.length, offset = frame.payload_offset;
  const auto fits = [&] { return base::crc32c(bytes, seed_) == frame.header.payload_checksum; };
  const auto read_now = [&](const auto& read) {
    return base::looking_again([&] {
      try {
        const bool all = open_file() && read();
        close_file();
        return all;
      } catch (const base::Stale&) {
        file_.reset();
        throw;
      }
    });
  };
  if (length <= kBlock / 2) {
    const auto take = [&] {
      bytes.assign(payloads_.at(offset), payloads_.at(offset) + length);
      return fits();
    };
    if (payloads_.holds(offset, length) && take()) return true;
    return read_now([&] { return read_block(payloads_, offset, length); }) && take();
  }
  bytes.resize(length);
  return read_now([&] { return file_->read_at(offset, bytes) == length; }) && fits();
}

LogReader::Tail LogReader::tail() {
  const Tail found = look_behind();
  close_file();
  return found;
}

LogReader::Tail LogReader::look_behind() {
  if (position_ == 0) read_segment_header();
  if (!open_file()) return Tail::kNone;
  FrameHeader header;
  const std::uint64_t size = file_->size(), left = size > position_ ? size - position_ : 0;
  if (left == 0) return position_ == 0 ? Tail::kCutOff : Tail::kNone;
  if (left <= kFarthest && in_pieces(*file_, position_, size, all_zero)) return Tail::kCutOff;
  if (left < sizeof header) return Tail::kCutOff;
  if (position_ == 0 || !read_struct(*file_, position_, header)) return Tail::kDamaged;
  const bool whole = header.magic == kFrameMagic && header.offset == position_ &&
                     header.checksum == base::crc32c(bytes_of(header).subspan(8), seed_);
  return whole ? Tail::kCutOff : Tail::kDamaged;
}

void trim_log(base::Env& env, const std::string& path, const Id128& manifest) {
  LogReader log(env, path, manifest);
  while (log.next()) {
  }
  if (log.tail() != LogReader::Tail::kNone) base::File(env, path, O_WRONLY).truncate(log.position());
}

}  // namespace jobhost::store
