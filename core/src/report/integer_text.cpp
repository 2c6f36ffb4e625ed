#include "report/integer_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace jobhost::report {

IntegerText::IntegerText(std::string_view before)
    : kept_(before.begin(), before.end()), before_(before.size()), length_(before.size()) {
  kept_.resize(longest() + kSlack);
}

char* IntegerText::put_anew(char* at, std::uint64_t magnitude, bool negative) {
  char* const begin = at;
  at = std::copy_n(kept_.data(), before_, at);
  if (negative) *at++ = '-';
  at = std::to_chars(at, at + 20, magnitude).ptr;
  hundreds_ = magnitude / 100;
  negative_ = negative;
  if (hundreds_ != 0) {
    length_ = static_cast<std::size_t>(at - begin) - 2;
    std::memcpy(kept_.data() + before_, begin + before_, length_ - before_);
  }
  return at;
}

}  // namespace jobhost::report
