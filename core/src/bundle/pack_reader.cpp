#include "bundle/pack_reader.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "base/beneath.hpp"
#include "base/checksum.hpp"
#include "base/lag.hpp"

namespace jobhost::bundle {
namespace {

constexpr std::uint64_t kMapAtOnce = 1 << 20;  // bytes; in larger segments page faults would cost more than reading

/// From the beginning of the first page.
void advise(base::ByteView mapped, int advice) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped.data()) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), reinterpret_cast<std::uintptr_t>(mapped.data()) + mapped.size() - begin,
            advice);
}

}  // namespace

PackReader::PackReader(base::Env& env, const std::string& job_directory, const Pack& pack,
                       std::vector<std::uint64_t> columns)
    : env_(env),
      directory_(job_directory),
      path_(job_directory + "/" + pack.file),
      sizes_(std::move(columns)),
      mapped_(!base::may_lag(env, job_directory)) {
  const auto file = base::open_beneath_if_exists(env, job_directory, path_, O_RDONLY);
  if (!file) damaged("the file is missing");
  if (mapped_) memory_ = base::Mapping(*file);
  size_ = mapped_ ? memory_.bytes().size() : file->size();
  PackHeader header;
  if (size_ < sizeof header + sizeof trailer_) damaged("it is too short");
  std::memcpy(&header, bytes(0, sizeof header, index_room_).data(), sizeof header);
  std::memcpy(&trailer_, bytes(size_ - sizeof trailer_, sizeof trailer_, index_room_).data(), sizeof trailer_);
  const std::uint64_t space = size_ - sizeof trailer_;
  if (header.magic != kPackMagic || trailer_.magic != kPackMagic) damaged("it is no pack");
  if (header.columns != sizes_.size() || header.columns > kMaxColumns) damaged("it has other columns");
  if (trailer_.index_offset > space || trailer_.segments != (space - trailer_.index_offset) / sizeof(SegmentEntry) ||
      trailer_.index_offset % 8 != 0) {
    damaged("its index is out of place");
  }
  index_ = bytes(trailer_.index_offset, trailer_.segments * sizeof(SegmentEntry), index_room_);
  if (trailer_.rows != pack.rows || base::crc32c(index_) != trailer_.index_checksum) damaged("wrong index checksum");
}

/// Bytes within the file; `room` holds them where it is not mapped. Tasks can reach descriptors, so none is kept.
base::ByteView PackReader::bytes(std::uint64_t offset, std::uint64_t size, base::Bytes& room) const {
  if (mapped_) return memory_.bytes().subspan(offset, size);
  const auto file = base::open_beneath(env_, directory_, path_, O_RDONLY);
  room.resize(size);
  if (file.read_at(offset, room) < size) damaged("it is shorter than it was");
  return room;
}

void PackReader::damaged(const std::string& why) const {
  throw base::Error(base::ExitCode::kDamaged, "the inputs in '" + path_ + "' are damaged: " + why,
                    "submit the job again");
}

/// Gives the pages of the open segment back: a job's inputs are never all in memory at once.
void PackReader::close_segment() {
  if (open_ == SIZE_MAX) return;
  if (mapped_) advise(open_bytes_, MADV_DONTNEED);
  open_ = SIZE_MAX;
}

void PackReader::open_segment(std::size_t number) {
  close_segment();
  std::memcpy(&entry_, index().data() + number * sizeof entry_, sizeof entry_);
  if (entry_.offset % 8 != 0 || entry_.offset > size_ || entry_.length > size_ - entry_.offset ||
      entry_.rows > entry_.length + 1) {
    damaged("a segment is out of place");
  }
  const base::ByteView segment = open_bytes_ = bytes(entry_.offset, entry_.length, segment_room_);
  if (mapped_ && entry_.length > kMapAtOnce) advise(segment, MADV_POPULATE_READ);
  if (base::crc32c(segment) != entry_.checksum) {
    damaged("rows " + std::to_string(entry_.first_row) + " and following have the wrong checksum");
  }
  segment_.clear();
  std::uint64_t at = 0;
  for (const std::uint64_t size : sizes_) {
    const std::uint64_t left = segment.size() - at;
    jobhost_column column{segment.data() + at, nullptr, size, size};
    std::uint64_t used = entry_.rows * size;
    if (size != 0) {
      if (entry_.rows > left / size) damaged("a column is longer than its segment");
    } else {
      const std::uint64_t table = 8 * (entry_.rows + 1);
      if (table > left) damaged("a column is longer than its segment");
      column.offsets = reinterpret_cast<const std::uint64_t*>(column.data);
      column.data += table;
      for (std::uint64_t row = 0; row <= entry_.rows; ++row) {
        if (column.offsets[row] > left - table || (row > 0 && column.offsets[row] < column.offsets[row - 1])) {
          damaged("values overlap");
        }
      }
      used = table + column.offsets[entry_.rows];
    }
    segment_.push_back(column);
    at += (used + 7) & ~std::uint64_t{7};
    if (at > segment.size()) damaged("a column is longer than its segment");
  }
  open_ = number;
}

std::uint64_t PackReader::rows_from(std::uint64_t row, std::vector<jobhost_column>& columns) {
  if (open_ == SIZE_MAX || row < entry_.first_row || row - entry_.first_row >= entry_.rows) {
    std::size_t low = 0, high = trailer_.segments;
    SegmentEntry entry;
    while (high - low > 1) {
      const std::size_t middle = low + (high - low) / 2;
      std::memcpy(&entry, index().data() + middle * sizeof entry, sizeof entry);
      (entry.first_row <= row ? low : high) = middle;
    }
    if (trailer_.segments == 0) damaged("it has no rows");
    open_segment(low);
    if (row < entry_.first_row || row - entry_.first_row >= entry_.rows)
      damaged("row " + std::to_string(row) + " is missing");
  }
  const std::uint64_t skip = row - entry_.first_row;
  columns = segment_;
  for (auto& column : columns) {
    if (column.offsets) {
      column.offsets += skip;
    } else {
      column.data += skip * column.stride;
    }
  }
  return entry_.rows - skip;
}

std::vector<std::uint64_t> column_sizes(std::uint32_t pack, const Inputs& inputs, const schema::Kernel& kernel) {
  std::map<std::uint32_t, std::uint64_t> sizes;
  for (const auto& axis : inputs.axes) {
    for (const auto& source : axis.sources) {
      const auto* stored = std::get_if<Stored>(&source.values);
      if (!stored || stored->pack != pack || source.parameter >= kernel.parameters.size()) continue;
      sizes[stored->column] = schema::fixed_size(kernel.parameters[source.parameter].type).value_or(0);
    }
  }
  std::vector<std::uint64_t> columns;
  for (const auto& [column, size] : sizes) {
    if (column != columns.size()) throw base::Error(base::ExitCode::kDamaged, "a pack has columns that nobody uses");
    columns.push_back(size);
  }
  return columns;
}

}  // namespace jobhost::bundle
