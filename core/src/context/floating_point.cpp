#include "context/floating_point.hpp"

namespace jobhost::context {

std::string FloatingPoint::against(const FloatingPoint& other) const {
  // Intel SDM, volume 1: 8.1.5 (x87 control word) and 10.2.3 (MXCSR).
  constexpr std::uint32_t kFlushToZero = 1 << 15, kDenormalsAreZero = 1 << 6, kMasks = 0x3f << 7, kX87Masks = 0x3f;
  constexpr const char* kRounding[] = {"to nearest", "downward", "upward", "toward zero"};
  constexpr const char* kPrecision[] = {"single", "of a reserved kind", "double", "extended"};
  const auto rounding = [](const FloatingPoint& fp) { return fp.mxcsr >> 13 & 3; };
  const auto x87_rounding = [](const FloatingPoint& fp) { return fp.x87 >> 10 & 3U; };
  const auto precision = [](const FloatingPoint& fp) { return fp.x87 >> 8 & 3U; };
  const auto flushes = [](const FloatingPoint& fp) { return fp.mxcsr & (kFlushToZero | kDenormalsAreZero); };
  std::string text;
  const auto add = [&text](const std::string& words) { text += (text.empty() ? "" : ", ") + words; };
  if (rounding(*this) != rounding(other)) add(std::string("rounding ") + kRounding[rounding(*this)]);
  if (x87_rounding(*this) != x87_rounding(other) && x87_rounding(*this) != rounding(*this)) {
    add(std::string("x87 rounding ") + kRounding[x87_rounding(*this)]);
  }
  const auto changed = flushes(*this) ^ flushes(other);
  if (changed & kDenormalsAreZero)
    add(flushes(*this) & kDenormalsAreZero ? "denormals are taken as zero" : "denormals count");
  if (changed == kFlushToZero) add(flushes(*this) ? "denormal results become zero" : "denormal results stay");
  if ((mxcsr & kMasks) != (other.mxcsr & kMasks) || (x87 & kX87Masks) != (other.x87 & kX87Masks)) {
    add("other exceptions end the process");
  }
  if (precision(*this) != precision(other)) add(std::string("x87 precision ") + kPrecision[precision(*this)]);
  return text.empty() ? "control bits" : text;
}

}  // namespace jobhost::context
