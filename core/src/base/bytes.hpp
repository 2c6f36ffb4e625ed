#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace jobhost::base {

using Bytes = std::vector<unsigned char>;
using ByteView = std::span<const unsigned char>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

template <class T>
void append_value(Bytes& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* raw = reinterpret_cast<const unsigned char*>(&value);
  out.insert(out.end(), raw, raw + sizeof value);
}

/// Appends a 64-bit length and the text itself.
inline void append_text(Bytes& out, std::string_view text) {
  append_value<std::uint64_t>(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

/// Reads little-endian values and length-prefixed texts; every length is checked against the bytes that remain.
/// Throws Error(kDamaged) past the end. Does not own the bytes.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  template <class T>
  T value() {
    static_assert(std::is_trivially_copyable_v<T>);
    T result;
    std::memcpy(&result, take(sizeof(T)).data(), sizeof(T));
    return result;
  }
  ByteView take(std::uint64_t size) {
    if (size > bytes_.size()) throw Error(ExitCode::kDamaged, "encoded data ends too early");
    ByteView head = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return head;
  }
  std::string text() { return std::string(as_text(take(value<std::uint64_t>()))); }
  std::size_t remaining() const { return bytes_.size(); }

 private:
  ByteView bytes_;
};

}  // namespace jobhost::base
