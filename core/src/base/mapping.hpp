#pragma once

#include "base/bytes.hpp"
#include "base/file.hpp"

namespace jobhost::base {

/// A file in memory, for reading. What the file's owner writes later shows; what he cuts off is SIGBUS: for files that
/// are complete.
class Mapping {
 public:
  Mapping() = default;
  /// Throws Error; an empty file is an empty mapping.
  explicit Mapping(const File& file);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  ByteView bytes() const { return bytes_; }

 private:
  ByteView bytes_;
};

}  // namespace jobhost::base
