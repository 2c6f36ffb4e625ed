#pragma once

#include <array>
#include <cstdint>

/// The result log, byte by byte (docs/job_directory.md). One writer for life, append only; all numbers little-endian.
namespace jobhost::store {

inline constexpr std::uint64_t kSegmentMagic = 0x0a0d31474f4c484a;  // "JHLOG1\r\n"
inline constexpr std::uint32_t kFrameMagic = 0x4652484a;            // "JHRF"
inline constexpr std::uint32_t kLogFormat = 1;

/// First bytes of every log file. Its checksum seeds those of all frames, so that a frame copied from another file or
/// another job is never believed.
struct SegmentHeader {
  std::uint64_t magic = kSegmentMagic;
  std::uint32_t format = kLogFormat;
  std::uint32_t lane = 0;
  std::array<unsigned char, 16> worker{};
  std::uint64_t salt = 0;                    // random
  std::array<unsigned char, 16> manifest{};  // first half of the SHA-256 of MANIFEST
  std::uint32_t reserved = 0;
  std::uint32_t checksum = 0;  // CRC-32C of the 60 bytes before
};
static_assert(sizeof(SegmentHeader) == 64);

enum class FrameKind : std::uint16_t {
  kResults = 1,    // tasks [first, first+count) succeeded; payload: their results
  kFailure = 2,    // task `first` failed for good; payload: store::Failure
  kClaimDone = 3,  // every task of [first, first+count) is in this or an earlier log; payload: two u64, ok and failed
  kModules = 4,    // files that stack offsets refer to, complete list so far; payload: u64 count, texts
};

/// Precedes every payload; the payload is padded with zeros to a multiple of 8.
struct FrameHeader {
  std::uint32_t magic = kFrameMagic;
  std::uint32_t checksum = 0;     // CRC-32C of bytes 8..63, seeded by the segment's checksum
  std::uint64_t offset = 0;       // of this header in its file
  std::uint64_t length = 0;       // of the payload in bytes, without padding
  std::uint64_t first = 0;        // task
  std::uint64_t count = 0;        // tasks
  std::uint64_t nanoseconds = 0;  // they took together
  std::uint16_t kind = 0;
  std::uint16_t attempt = 0;           // 1 for the first
  std::uint32_t payload_checksum = 0;  // CRC-32C of the payload, seeded by the segment's checksum
  std::uint64_t started = 0;           // wall clock, ns since 1970; for people only
};
static_assert(sizeof(FrameHeader) == 64);

constexpr std::uint64_t padded(std::uint64_t length) { return (length + 7) & ~std::uint64_t{7}; }

}  // namespace jobhost::store
