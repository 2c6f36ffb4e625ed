#include "store/log_writer.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/checksum.hpp"

namespace jobhost::store {
namespace {

// Frames are collected up to this size; payloads that are larger are written from where they are.
constexpr std::uint64_t kJoin = 64 << 10;

template <class T>
base::ByteView bytes_of(const T& value) {
  return {reinterpret_cast<const unsigned char*>(&value), sizeof value};
}

}  // namespace

LogWriter::LogWriter(base::Env& env, const std::string& path, const Id128& worker, std::uint32_t lane,
                     const Id128& manifest, bool durable)
    : env_(env), file_(env, path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND), durable_(durable) {
  base::FileStatus status;
  if (const int failure = env.status(file_.fd(), status); failure < 0) base::throw_file_error(failure, "look at", path);
  inode_ = status.inode;
  SegmentHeader header;
  header.lane = lane;
  header.worker = worker;
  header.manifest = manifest;
  env.random(&header.salt, sizeof header.salt);
  header.checksum = base::crc32c(bytes_of(header).first(60));
  file_.write(bytes_of(header));
  seed_ = header.checksum;
  end_ = committed_ = sizeof header;
}

LogWriter::State LogWriter::look() {
  base::FileStatus status;
  const int failure = env_.status(file_.fd(), status);
  if (failure < 0 && failure != -EBADF) base::throw_file_error(failure, "look at", file_.path());
  if (failure < 0 || status.inode != inode_) return State::kClosed;
  if (failed_ || status.size == committed_) return State::kUntouched;
  if (status.size < committed_) return State::kCut;
  file_.truncate(committed_);
  return State::kWritten;
}

void LogWriter::add(const FrameInfo& info, std::initializer_list<base::ByteView> parts) {
  FrameHeader header;
  header.offset = end_;
  header.first = info.first;
  header.count = info.count;
  header.nanoseconds = info.nanoseconds;
  header.kind = static_cast<std::uint16_t>(info.kind);
  header.attempt = info.attempt;
  header.started = info.started;
  header.payload_checksum = seed_;
  for (const auto& part : parts) {
    header.length += part.size();
    header.payload_checksum = base::crc32c(part, header.payload_checksum);
  }
  header.checksum = base::crc32c(bytes_of(header).subspan(8), seed_);

  static constexpr unsigned char kZeros[8] = {};
  const base::ByteView padding(kZeros, padded(header.length) - header.length);
  const std::uint64_t size = sizeof header + padded(header.length);
  if (size > kJoin) {
    flush();
    write(bytes_of(header));
    for (const auto& part : parts) write(part);
    write(padding);
    committed_ = end_ += size;
    return;
  }
  if (buffer_.size() + size > kJoin) flush();
  const auto collect = [this](base::ByteView bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); };
  collect(bytes_of(header));
  for (const auto& part : parts) collect(part);
  collect(padding);
  end_ += size;
}

void LogWriter::flush() {
  if (!buffer_.empty()) {
    write(buffer_);
    buffer_.clear();
    committed_ = end_;
  }
  if (durable_) sync();
}

void LogWriter::sync() {
  if (end_ == synced_) return;
  file_.sync();
  synced_ = end_;
  if (std::exchange(named_, true)) return;
  const std::string folder = file_.path().substr(0, file_.path().rfind('/'));
  base::sync_directory(env_, folder);
  base::sync_directory(env_, folder + "/..");
}

void LogWriter::write(base::ByteView bytes) {
  try {
    file_.write(bytes);
  } catch (...) {
    failed_ = true;
    try {
      file_.truncate(committed_);
    } catch (const base::Error&) {
      // The torn frame stays; readers stop before it because its checksum or length cannot match.
    }
    throw;
  }
}

}  // namespace jobhost::store
