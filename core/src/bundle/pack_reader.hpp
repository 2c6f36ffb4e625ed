#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/mapping.hpp"
#include "bundle/inputs.hpp"
#include "bundle/pack_format.hpp"
#include "jobhost/sdk/abi.h"
#include "schema/type.hpp"

namespace jobhost::bundle {

/// A pack, mapped where its file system is this machine's own, and read elsewhere: what a server does not answer is an
/// error then, not a SIGBUS. Everything is checked against the file's size before it is used; a segment's checksum
/// before its first value is. Throws Error(kDamaged).
class PackReader {
 public:
  /// `columns`: fixed size per column, or 0 when values vary in size.
  PackReader(base::Env& env, const std::string& job_directory, const Pack& pack, std::vector<std::uint64_t> columns);
  PackReader(const PackReader&) = delete;
  PackReader& operator=(const PackReader&) = delete;

  /// The columns from `row` on, as far as its segment reaches; returns how many rows that is.
  std::uint64_t rows_from(std::uint64_t row, std::vector<jobhost_column>& columns);
  base::ByteView index() const { return index_; }

 private:
  [[noreturn]] void damaged(const std::string& why) const;
  base::ByteView bytes(std::uint64_t offset, std::uint64_t size, base::Bytes& room) const;
  void open_segment(std::size_t number);
  void close_segment();

  base::Env& env_;
  std::string directory_, path_;
  std::vector<std::uint64_t> sizes_;
  base::Mapping memory_;
  bool mapped_;
  std::uint64_t size_ = 0;
  base::Bytes index_room_, segment_room_;  // when not mapped
  base::ByteView index_, open_bytes_;      // of the open segment
  PackTrailer trailer_;
  std::size_t open_ = SIZE_MAX;
  SegmentEntry entry_;
  std::vector<jobhost_column> segment_;
};

/// Checks that every pack's index is the one that was submitted. Throws Error(kDamaged).
void verify_packs(base::Env& env, const std::string& job_directory, const Inputs& inputs, const schema::Kernel& kernel);

/// Fixed size per column of a pack (0: varies), as the sources that use it say.
std::vector<std::uint64_t> column_sizes(std::uint32_t pack, const Inputs& inputs, const schema::Kernel& kernel);

}  // namespace jobhost::bundle
