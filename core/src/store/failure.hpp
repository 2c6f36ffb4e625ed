#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace jobhost::store {

enum class FailureKind : std::uint8_t { kException = 1, kCrash = 2, kTimeout = 3, kLost = 4 };

/// One call of a stack: which file (index into the log's last modules frame) and where in it.
struct StackEntry {
  std::uint32_t module = 0;
  std::uint64_t offset = 0;  // address minus load bias
  friend bool operator==(const StackEntry&, const StackEntry&) = default;
};

/// What was thrown: `type` is a mangled C++ name or "", `object` the object's encoded members or "".
struct Thrown {
  std::string type, what, object = {};
  friend bool operator==(const Thrown&, const Thrown&) = default;
};

/// Why a task failed, as its log frame says it. The payload is this struct's fields in order; texts and lists carry
/// u64 lengths.
struct Failure {
  FailureKind kind = FailureKind::kException;
  std::int32_t signal = 0;        // crash: the signal, 0 for exit()
  std::vector<Thrown> thrown;     // outermost first; nested causes follow
  std::vector<StackEntry> stack;  // innermost first, from the throw point or the crash
  friend bool operator==(const Failure&, const Failure&) = default;
};

void encode(const Failure& failure, base::Bytes& out);
/// Throws Error(kDamaged) when the bytes are not a failure.
Failure decode_failure(base::ByteView bytes);

/// Payload of a modules frame: paths of the loaded files.
void encode_modules(const std::vector<std::string>& paths, base::Bytes& out);
std::vector<std::string> decode_modules(base::ByteView bytes);

}  // namespace jobhost::store
