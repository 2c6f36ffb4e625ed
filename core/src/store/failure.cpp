#include "store/failure.hpp"

namespace jobhost::store {
namespace {

// A list's length is believed only as far as the bytes that remain could hold it.
std::uint64_t list_length(base::ByteReader& reader, std::uint64_t bytes_per_item) {
  const auto length = reader.value<std::uint64_t>();
  if (length > reader.remaining() / bytes_per_item) {
    throw base::Error(base::ExitCode::kDamaged, "a list in a failure record is longer than the record");
  }
  return length;
}

void at_end(const base::ByteReader& reader) {
  if (reader.remaining() == 0) return;
  throw base::Error(base::ExitCode::kDamaged, "a failure record goes on behind its end");
}

}  // namespace

void encode(const Failure& failure, base::Bytes& out) {
  base::append_value(out, failure.kind);
  base::append_value(out, failure.signal);
  base::append_value<std::uint64_t>(out, failure.thrown.size());
  for (const auto& thrown : failure.thrown) {
    base::append_text(out, thrown.type);
    base::append_text(out, thrown.what);
    base::append_text(out, thrown.object);
  }
  base::append_value<std::uint64_t>(out, failure.stack.size());
  for (const auto& entry : failure.stack) {
    base::append_value(out, entry.module);
    base::append_value(out, entry.offset);
  }
}

Failure decode_failure(base::ByteView bytes) {
  base::ByteReader reader(bytes);
  Failure failure;
  failure.kind = static_cast<FailureKind>(reader.value<std::uint8_t>());
  if (failure.kind < FailureKind::kException || failure.kind > FailureKind::kLost) {
    throw base::Error(base::ExitCode::kDamaged, "a failure record is of an unknown kind");
  }
  failure.signal = reader.value<std::int32_t>();
  for (auto left = list_length(reader, 24); left > 0; --left) {
    Thrown thrown;
    thrown.type = reader.text();
    thrown.what = reader.text();
    thrown.object = reader.text();
    failure.thrown.push_back(std::move(thrown));
  }
  for (auto left = list_length(reader, 12); left > 0; --left) {
    StackEntry entry;
    entry.module = reader.value<std::uint32_t>();
    entry.offset = reader.value<std::uint64_t>();
    failure.stack.push_back(entry);
  }
  at_end(reader);
  return failure;
}

void encode_modules(const std::vector<std::string>& paths, base::Bytes& out) {
  base::append_value<std::uint64_t>(out, paths.size());
  for (const auto& path : paths) base::append_text(out, path);
}

std::vector<std::string> decode_modules(base::ByteView bytes) {
  base::ByteReader reader(bytes);
  std::vector<std::string> paths;
  for (auto left = list_length(reader, 8); left > 0; --left) paths.push_back(reader.text());
  at_end(reader);
  return paths;
}

}  // namespace jobhost::store
