// Packs of stored inputs: header, segments, index, trailer.
#include "base/checksum.hpp"
#include "bundle/input_reader.hpp"
#include "bundle/pack_reader.hpp"
#include "harness.hpp"

using namespace jobhost;
using base::ExitCode;
using bundle::PackHeader;
using bundle::PackTrailer;
using bundle::SegmentEntry;

namespace {

/// Makes checksums and what else nobody hits by chance right, so that what lies behind them is reached.
void seal(base::Bytes& pack, std::size_t columns) {
  if (pack.size() < sizeof(PackHeader) + sizeof(PackTrailer)) return;
  fuzz::store(pack, 0, PackHeader{bundle::kPackMagic, columns});
  const std::size_t space = pack.size() - sizeof(PackTrailer);
  auto trailer = fuzz::load<PackTrailer>(pack, space);
  trailer.magic = bundle::kPackMagic;
  if (trailer.index_offset > space || trailer.index_offset % 8 != 0) trailer.index_offset %= space + 1;
  trailer.index_offset -= trailer.index_offset % 8;
  trailer.segments = (space - trailer.index_offset) / sizeof(SegmentEntry);
  for (std::uint64_t i = 0; i < trailer.segments; ++i) {
    const std::size_t at = trailer.index_offset + i * sizeof(SegmentEntry);
    auto entry = fuzz::load<SegmentEntry>(pack, at);
    if (entry.offset <= pack.size() && entry.length <= pack.size() - entry.offset) {
      entry.checksum = base::crc32c(base::ByteView(pack).subspan(entry.offset, entry.length));
      fuzz::store(pack, at, entry);
    }
  }
  const auto index = base::ByteView(pack).subspan(trailer.index_offset, trailer.segments * sizeof(SegmentEntry));
  trailer.index_checksum = base::crc32c(index);
  fuzz::store(pack, space, trailer);
}

std::uint64_t rows_of(const base::Bytes& pack) {
  return pack.size() < sizeof(PackTrailer) ? 0 : fuzz::load<PackTrailer>(pack, pack.size() - sizeof(PackTrailer)).rows;
}

/// Reads every byte of the values.
unsigned touch(const std::vector<jobhost_column>& columns, std::uint64_t rows) {
  unsigned sum = 0;
  for (const auto& column : columns) {
    for (std::uint64_t i = 0; i < rows; ++i) {
      for (const unsigned char byte : bundle::value_at(column, i)) sum += byte;
    }
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool sealed = (input.byte() & 1) == 0;
  std::vector<std::uint64_t> sizes(input.byte() % 4);
  for (auto& bytes : sizes) bytes = input.byte() % 17;  // 0: varies
  base::Bytes pack = input.copy();
  if (sealed) seal(pack, sizes.size());
  const std::uint64_t rows = rows_of(pack);
  fuzz::MemoryEnv env;
  env.put("job/inputs/0000", pack);
  fuzz::accepts({ExitCode::kDamaged}, [&] {
    bundle::PackReader reader(env, "job", {rows, "inputs/0000", ""}, sizes);
    std::vector<jobhost_column> columns;
    for (const std::uint64_t row : {std::uint64_t{0}, std::uint64_t{1}, rows / 2, rows - 1, rows, UINT64_MAX}) {
      fuzz::accepts({ExitCode::kDamaged}, [&] {
        const std::uint64_t there = reader.rows_from(row, columns);
        fuzz::require(there > 0 && columns.size() == sizes.size(), "a row that is found has all its columns");
        // Of columns without bytes there may be any number of rows.
        if (there <= pack.size()) touch(columns, there);
      });
    }
  });
  return 0;
}
