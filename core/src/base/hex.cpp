#include "base/hex.hpp"

#include <charconv>

namespace jobhost::base {

std::string to_hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Bytes from_hex(const std::string& text) {
  Bytes bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* begin = text.data() + 2 * i;
    if (std::from_chars(begin, begin + 2, bytes[i], 16).ptr != begin + 2) {
      throw Malformed{"an encoded value is not hexadecimal"};
    }
  }
  if (text.size() % 2 != 0) throw Malformed{"an encoded value has half a byte"};
  return bytes;
}

}  // namespace jobhost::base
