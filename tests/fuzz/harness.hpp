#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "memory_env.hpp"

/// What fuzz targets share. A target may refuse its input in a sentence (base::Error); any other end is a finding.
namespace jobhost::fuzz {

/// A property of the code under test, whatever the input.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", property);
  std::abort();
}

/// Runs `use`; whether it accepted its input. Where it refuses, only with one of `codes`.
template <class Use>
bool accepts(std::initializer_list<base::ExitCode> codes, Use use) {
  try {
    use();
    return true;
  } catch (const base::Error& error) {
    if (std::find(codes.begin(), codes.end(), error.code()) == codes.end()) {
      std::fprintf(stderr, "exit code %d: %s\n", static_cast<int>(error.code()), error.what());
      std::abort();
    }
    return false;
  }
}

/// The front of the input steers the target, the rest is what it reads. Past the end there are zeros.
class Input {
 public:
  Input(const unsigned char* data, std::size_t size) : bytes_(data, size) {}

  unsigned byte() {
    if (bytes_.empty()) return 0;
    const unsigned char first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  /// Up to the next line end, which is dropped.
  std::string line() {
    const auto end = std::find(bytes_.begin(), bytes_.end(), '\n');
    const auto size = static_cast<std::size_t>(end - bytes_.begin());
    std::string text(base::as_text(bytes_.first(size)));
    bytes_ = bytes_.subspan(std::min(size + 1, bytes_.size()));
    return text;
  }
  bool empty() const { return bytes_.empty(); }
  base::ByteView rest() const { return bytes_; }
  base::Bytes copy() const { return base::Bytes(bytes_.begin(), bytes_.end()); }
  std::string text() const { return std::string(base::as_text(bytes_)); }

 private:
  base::ByteView bytes_;
};

/// A value of T at `offset`, and back.
template <class T>
T load(const base::Bytes& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}
template <class T>
void store(base::Bytes& bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace jobhost::fuzz
