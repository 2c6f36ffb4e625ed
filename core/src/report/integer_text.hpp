#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace jobhost::report {

/// Writes a text and a whole number behind it, again and again, as std::to_chars does. Keeps them up to the last two
/// digits: in a column of rows the next number often differs in those alone.
class IntegerText {
 public:
  /// Bytes that `put` may write behind the end that it returns.
  static constexpr std::size_t kSlack = 32;

  explicit IntegerText(std::string_view before);
  char* put(char* at, std::uint64_t magnitude, bool negative) {
    const std::uint64_t hundreds = magnitude / 100;
    if (hundreds == 0 || hundreds != hundreds_ || negative != negative_) return put_anew(at, magnitude, negative);
    // A fixed number of bytes is a move or two, where the exact one would be a call.
    for (std::size_t i = 0; i < length_; i += kSlack) std::memcpy(at + i, kept_.data() + i, kSlack);
    at += length_;
    std::memcpy(at, &kPairs[2 * (magnitude - 100 * hundreds)], 2);
    return at + 2;
  }
  /// Characters at most.
  std::size_t longest() const { return before_ + 20; }

 private:
  static constexpr auto kPairs = [] {  // "000102...99"
    std::array<char, 200> pairs{};
    for (std::size_t i = 0; i < 100; ++i) {
      pairs[2 * i] = static_cast<char>('0' + i / 10);
      pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return pairs;
  }();
  char* put_anew(char* at, std::uint64_t magnitude, bool negative);

  std::vector<char> kept_;           // the text, then the number's digits bar two
  std::size_t before_, length_ = 0;  // of the text; of what is kept in all
  std::uint64_t hundreds_ = 0;       // what is kept, when not 0
  bool negative_ = false;
};

}  // namespace jobhost::report
