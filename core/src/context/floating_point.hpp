#pragma once

#include <xmmintrin.h>

#include <cstdint>
#include <string>

namespace jobhost::context {

/// The control words of floating-point arithmetic of a thread: rounding, exception masks, FTZ and DAZ (SSE), precision
/// (x87). Sticky exception flags are no part of it. Reading both takes about 3 ns; fegetenv() takes 20 times as long,
/// because it saves the whole x87 state.
struct FloatingPoint {
  static constexpr std::uint32_t kSticky = 0x3f;  // exception flags of MXCSR

  std::uint32_t mxcsr = 0x1f80;  // what a process starts with
  std::uint16_t x87 = 0x037f;

  /// Of this thread.
  static FloatingPoint current() {
    FloatingPoint now;
    now.mxcsr = _mm_getcsr() & ~kSticky;
    __asm__ volatile("fnstcw %0" : "=m"(now.x87));
    return now;
  }
  /// Makes it this thread's; clears the sticky flags, since one that is set would trap at once where it is unmasked.
  void apply() const {
    __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(x87));
    _mm_setcsr(mxcsr);
  }
  /// apply(), unless it is.
  void enter() const {
    if (current() != *this) apply();
  }
  /// What is different from `other`, in words: "rounding upward, denormals flushed".
  std::string against(const FloatingPoint& other) const;
  friend bool operator==(const FloatingPoint&, const FloatingPoint&) = default;
};

}  // namespace jobhost::context
