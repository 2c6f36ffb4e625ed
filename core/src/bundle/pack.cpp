#include "bundle/pack.hpp"

#include <fcntl.h>

#include <cstdio>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "bundle/pack_format.hpp"

namespace jobhost::bundle {
namespace {

template <class T>
base::ByteView bytes_of(const T& value) {
  return {reinterpret_cast<const unsigned char*>(&value), sizeof value};
}

struct Column {
  bool fixed;
  std::vector<std::uint64_t> offsets{0};
  base::Bytes values;
};

}  // namespace

std::string pack_name(std::size_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "inputs/%04zu", number);
  return name;
}

struct PackWriter::State {
  base::File file;
  std::string name;
  std::vector<Column> columns;
  std::vector<SegmentEntry> index;
  std::uint64_t position = 0, first_row = 0, rows = 0, bytes = 0, segment = 0;
  std::uint32_t checksum = 0;  // of the segment so far

  void write(base::ByteView data) {
    file.write(data);
    position += data.size();
  }

  /// Piece by piece: a value may be as large as the memory that holds it.
  void put(base::ByteView piece) {
    checksum = base::crc32c(piece, checksum);
    write(piece);
  }

  void put_offsets(const std::vector<std::uint64_t>& offsets) {
    put({reinterpret_cast<const unsigned char*>(offsets.data()), 8 * offsets.size()});
  }

  void put_padding(std::uint64_t size) {
    static constexpr unsigned char kZeros[8] = {};
    put(base::ByteView(kZeros).first((8 - size % 8) % 8));
  }

  void begin_segment() {
    segment = position;
    checksum = 0;
  }

  void end_segment() {
    index.push_back({segment, position - segment, first_row, rows, checksum});
    first_row += rows;
    rows = bytes = 0;
  }

  void write_segment() {
    if (rows == 0) return;
    begin_segment();
    for (auto& column : columns) {
      if (!column.fixed) put_offsets(column.offsets);
      put(column.values);
      put_padding(column.values.size());
      column.offsets.assign(1, 0);
      column.values.clear();
    }
    end_segment();
  }
};

PackWriter::PackWriter(base::Env& env, const std::string& job_directory, const std::string& file,
                       std::vector<schema::Type> columns)
    : state_(std::make_unique<State>()) {
  state_->file = base::File(env, job_directory + "/" + file, O_WRONLY | O_CREAT | O_EXCL);
  state_->name = file;
  for (const auto& type : columns) state_->columns.push_back({schema::fixed_size(type).has_value(), {0}, {}});
  PackHeader header;
  header.columns = columns.size();
  state_->write(bytes_of(header));
}

PackWriter::~PackWriter() = default;

void PackWriter::append(std::uint32_t column, base::ByteView value) {
  Column& target = state_->columns.at(column);
  target.values.insert(target.values.end(), value.begin(), value.end());
  if (!target.fixed) target.offsets.push_back(target.values.size());
  state_->bytes += value.size();
}

void PackWriter::end_row() {
  ++state_->rows;
  if (state_->rows == kSegmentRows || state_->bytes >= kSegmentBytes) state_->write_segment();
}

void PackWriter::only_value(std::uint64_t size,
                            const std::function<void(const std::function<void(base::ByteView)>&)>& fill) {
  state_->begin_segment();
  if (!state_->columns.at(0).fixed) state_->put_offsets({0, size});
  fill([this](base::ByteView piece) { state_->put(piece); });
  state_->put_padding(size);
  state_->rows = 1;
  state_->end_segment();
}

Pack PackWriter::finish() {
  state_->write_segment();
  const base::ByteView index(reinterpret_cast<const unsigned char*>(state_->index.data()),
                             state_->index.size() * sizeof(SegmentEntry));
  PackTrailer trailer;
  trailer.index_offset = state_->position;
  trailer.segments = state_->index.size();
  trailer.rows = state_->first_row;
  trailer.index_checksum = base::crc32c(index);
  state_->write(index);
  state_->write(bytes_of(trailer));
  state_->file.close();
  return {state_->first_row, state_->name, base::sha256_hex(index)};
}

}  // namespace jobhost::bundle
