#include "store/log_reader.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "base/beneath.hpp"
#include "base/checksum.hpp"

namespace jobhost::store {
namespace {

constexpr std::size_t kBlock = 64 << 10;

template <class T>
bool read_struct(const base::File& file, std::uint64_t offset, T& value) {
  return file.read_at(offset, {reinterpret_cast<unsigned char*>(&value), sizeof value}) == sizeof value;
}

template <class T>
base::ByteView bytes_of(const T& value) {
  return {reinterpret_cast<const unsigned char*>(&value), sizeof value};
}

}  // namespace

LogReader::LogReader(base::Env& env, std::string path, const Id128& manifest, std::string root)
    : env_(env),
      path_(std::move(path)),
      root_(root.empty() ? path_.substr(0, path_.rfind('/')) : std::move(root)),
      manifest_(manifest) {}

bool LogReader::open() {
  if (!file_) file_ = base::open_beneath_if_exists(env_, root_, path_, O_RDONLY);
  SegmentHeader header;
  if (!file_ || !read_struct(*file_, 0, header)) return false;
  if (header.magic != kSegmentMagic || header.format != kLogFormat || header.manifest != manifest_ ||
      header.checksum != base::crc32c(bytes_of(header).first(60))) {
    return false;
  }
  seed_ = header.checksum;
  position_ = sizeof header;
  return true;
}

std::optional<Frame> LogReader::next() {
  if (position_ == 0 && !open()) return std::nullopt;
  Frame frame;
  if (position_ + sizeof frame.header > known_size_) known_size_ = file_->size();
  if (position_ + sizeof frame.header > known_size_) return std::nullopt;
  const FrameHeader& header = frame.header;
  // What a block holds may be older than the frame: looked at once more in the file before it is given up.
  if (!headers_.holds(position_, sizeof header) || !header_at(position_, frame.header)) {
    if (!read_block(headers_, position_, sizeof header) || !header_at(position_, frame.header)) return std::nullopt;
  }
  frame.payload_offset = position_ + sizeof header;
  if (header.length > known_size_ - frame.payload_offset ||
      padded(header.length) > known_size_ - frame.payload_offset) {
    known_size_ = file_->size();
    if (header.length > known_size_ - frame.payload_offset ||
        padded(header.length) > known_size_ - frame.payload_offset) {
      return std::nullopt;
    }
  }
  position_ = frame.payload_offset + padded(header.length);
  return frame;
}

bool LogReader::read_block(Block& block, std::uint64_t offset, std::uint64_t size) const {
  if (!block.bytes) block.bytes = std::make_unique_for_overwrite<unsigned char[]>(kBlock);
  block.begin = offset;
  block.size = 0;
  block.size = file_->read_at(offset, {block.bytes.get(), kBlock});
  return block.holds(offset, size);
}

bool LogReader::header_at(std::uint64_t offset, FrameHeader& header) {
  std::memcpy(&header, headers_.at(offset), sizeof header);
  return header.magic == kFrameMagic && header.offset == offset &&
         header.checksum == base::crc32c(bytes_of(header).subspan(8), seed_);
}

bool LogReader::fits(const Frame& frame, base::Bytes& payload) const {
  const bool zeros = std::all_of(payload.begin() + static_cast<std::ptrdiff_t>(frame.header.length), payload.end(),
                                 [](unsigned char byte) { return byte == 0; });
  payload.resize(frame.header.length);
  return zeros && base::crc32c(payload, seed_) == frame.header.payload_checksum;
}

bool LogReader::read_payload(const Frame& frame, base::Bytes& bytes) const {
  const std::uint64_t size = padded(frame.header.length), offset = frame.payload_offset;
  if (size <= kBlock / 2) {
    const auto take = [&] {
      bytes.assign(payloads_.at(offset), payloads_.at(offset) + size);
      return fits(frame, bytes);
    };
    if (payloads_.holds(offset, size) && take()) return true;
    return read_block(payloads_, offset, size) && take();
  }
  bytes.resize(size);
  return file_->read_at(offset, bytes) == size && fits(frame, bytes);
}

LogReader::Tail LogReader::tail() {
  if (position_ == 0 && !open() && !file_) return Tail::kNone;
  FrameHeader header;
  const std::uint64_t left = file_->size() - position_;
  if (left == 0) return Tail::kNone;
  if (left < sizeof header) return Tail::kCutOff;
  if (position_ == 0 || !read_struct(*file_, position_, header)) return Tail::kDamaged;
  const auto bytes = bytes_of(header);
  if (std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; })) return Tail::kCutOff;
  const bool whole = header.magic == kFrameMagic && header.checksum == base::crc32c(bytes.subspan(8), seed_);
  return whole ? Tail::kCutOff : Tail::kDamaged;
}

}  // namespace jobhost::store
