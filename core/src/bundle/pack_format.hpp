#pragma once

#include <cstdint>

/// A pack of stored rows, byte by byte (docs/job_directory.md): header, segments, index, trailer.
namespace jobhost::bundle {

inline constexpr std::uint64_t kPackMagic = 0x0a0d314b4341504a;  // "JPACK1\r\n"
inline constexpr std::uint64_t kSegmentRows = 65'536;            // at most
inline constexpr std::uint64_t kSegmentBytes = 4 << 20;          // a segment ends with the row that exceeds this
inline constexpr std::uint64_t kMaxColumns = 4096;

struct PackHeader {
  std::uint64_t magic = kPackMagic;
  std::uint64_t columns = 0;
};

/// One entry per segment. A segment holds its columns one after another, each padded to 8 bytes: values of a fixed size
/// side by side; else rows+1 offsets (u64, the first 0) and then the values' bytes.
struct SegmentEntry {
  std::uint64_t offset = 0, length = 0;  // of the segment in the file
  std::uint64_t first_row = 0, rows = 0;
  std::uint64_t checksum = 0;  // CRC-32C of the segment
};

struct PackTrailer {
  std::uint64_t index_offset = 0, segments = 0;
  std::uint64_t rows = 0;
  std::uint64_t index_checksum = 0;  // CRC-32C of the index
  std::uint64_t magic = kPackMagic;
};

}  // namespace jobhost::bundle
