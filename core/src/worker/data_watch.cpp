#include "worker/data_watch.hpp"

#include <link.h>

#include <algorithm>
#include <cstring>

namespace jobhost::worker {
namespace {

using Range = DataWatch::Range;

struct Found {
  const std::vector<std::string>& modules;
  struct Data {
    std::string module;
    std::uintptr_t bias;
    Range range;
  };
  std::vector<Data> data;
};

/// What of `all` is outside of `hole`.
std::vector<Range> without(const std::vector<Range>& all, Range hole) {
  std::vector<Range> left;
  for (const auto& range : all) {
    if (range.begin < std::min(range.end, hole.begin)) left.push_back({range.begin, std::min(range.end, hole.begin)});
    if (std::max(range.begin, hole.end) < range.end) left.push_back({std::max(range.begin, hole.end), range.end});
  }
  return left;
}

/// Writable segments, but for what the loader alone writes.
int collect(dl_phdr_info* file, std::size_t, void* data) {
  Found& found = *static_cast<Found*>(data);
  if (std::find(found.modules.begin(), found.modules.end(), file->dlpi_name) == found.modules.end()) return 0;
  std::vector<Range> ranges;
  const auto range_of = [&](const ElfW(Phdr) & segment) {
    const std::uintptr_t begin = file->dlpi_addr + segment.p_vaddr;
    return Range{begin, begin + segment.p_memsz};
  };
  for (unsigned i = 0; i < file->dlpi_phnum; ++i) {
    const auto& segment = file->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W)) ranges.push_back(range_of(segment));
  }
  for (unsigned i = 0; i < file->dlpi_phnum; ++i) {
    const auto& segment = file->dlpi_phdr[i];
    if (segment.p_type == PT_GNU_RELRO) ranges = without(ranges, range_of(segment));
  }
  for (const auto& range : ranges) found.data.push_back({file->dlpi_name, file->dlpi_addr, range});
  return 0;
}

}  // namespace

DataWatch::DataWatch(const std::vector<std::string>& modules, const std::vector<Range>& expected, std::uint64_t most) {
  Found found{modules, {}};
  ::dl_iterate_phdr(&collect, &found);
  for (const auto& data : found.data) {
    std::vector<Range> ranges = {data.range};
    for (const auto& hole : expected) ranges = without(ranges, hole);
    for (const auto& range : ranges) {
      const std::uint64_t size = range.end - range.begin, taken = std::min(size, most);
      const auto* from = reinterpret_cast<const unsigned char*>(range.begin);
      most -= taken;
      left_out_ += size - taken;
      if (taken > 0) parts_.push_back({data.module, data.bias, range.begin, {from, from + taken}});
    }
  }
}

std::vector<ChangedData> DataWatch::look() {
  constexpr std::uint64_t kPiece = 4096;  // compared at once
  constexpr std::uint64_t kArray = 64;    // bytes
  constexpr std::size_t kMostChanges = 1000;
  std::vector<ChangedData> changed;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return changed;
  for (auto& part : parts_) {
    const auto* now = reinterpret_cast<const unsigned char*>(part.begin);
    for (std::uint64_t at = 0; at < part.copy.size(); at += kPiece) {
      const std::uint64_t end = std::min<std::uint64_t>(at + kPiece, part.copy.size());
      if (std::memcmp(now + at, part.copy.data() + at, end - at) == 0) continue;
      for (std::uint64_t i = at; i < end; ++i) {
        if (now[i] == part.copy[i]) continue;
        const std::uint64_t offset = part.begin + i - part.bias;
        // In what looks like an array, bytes in between that are the same by chance make no difference.
        const std::uint64_t gap = !changed.empty() && changed.back().size >= kArray ? sizeof(void*) : 1;
        if (!changed.empty() && changed.back().module == part.module &&
            offset - (changed.back().offset + changed.back().size) < gap) {
          changed.back().size = offset + 1 - changed.back().offset;
        } else if (changed.size() < kMostChanges) {
          changed.push_back({part.module, offset, 1});
        }
        part.copy[i] = now[i];
      }
    }
  }
  return changed;
}

}  // namespace jobhost::worker
