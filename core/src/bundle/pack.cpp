#include "bundle/pack.hpp"

#include <fcntl.h>

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

struct PackWriter::State {
  base::File file;
  std::string name;
  std::vector<Column> columns;
  std::vector<SegmentEntry> index;
  std::uint64_t position = 0, first_row = 0, rows = 0, bytes = 0;

  void write(base::ByteView data) {
    file.write(data);
    position += data.size();
  }

  void end_segment() {
    if (rows == 0) return;
    const std::uint64_t begin = position;
    std::uint32_t checksum = 0;
    // Written piece by piece: a value may be as large as the memory that holds it.
    const auto put = [&](base::ByteView piece) {
      checksum = base::crc32c(piece, checksum);
      write(piece);
    };
    for (auto& column : columns) {
      if (!column.fixed) {
        put({reinterpret_cast<const unsigned char*>(column.offsets.data()), 8 * column.offsets.size()});
      }
      put(column.values);
      static constexpr unsigned char kZeros[8] = {};
      put(base::ByteView(kZeros).first((8 - column.values.size() % 8) % 8));
      column.offsets.assign(1, 0);
      column.values.clear();
    }
    index.push_back({begin, position - begin, first_row, rows, checksum});
    first_row += rows;
    rows = bytes = 0;
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
  if (state_->rows == kSegmentRows || state_->bytes >= kSegmentBytes) state_->end_segment();
}

Pack PackWriter::finish() {
  state_->end_segment();
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
