#include "hdf5/hdf5_column.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/utf8.hpp"
#include "schema/value.hpp"

namespace jobhost::hdf5 {
namespace {

using schema::Kind;

bool is_list(const schema::Type& type) { return type.kind == Kind::kVector || type.kind == Kind::kArray; }

bool is_number(const schema::Type& type) {
  return type.kind == Kind::kBool || type.kind == Kind::kInteger || type.kind == Kind::kEnumeration ||
         type.kind == Kind::kFloating;
}

/// Of a number.
std::uint64_t bytes_of(const schema::Type& type) { return type.kind == Kind::kBool ? 1 : type.width; }

std::uint64_t length_of(const schema::Type& list, base::ByteReader& reader) {
  return list.kind == Kind::kArray ? list.count : reader.value<std::uint64_t>();
}

/// Bytes of a whole number or truth value as a number.
__int128 whole_number(base::ByteView value, bool is_signed) {
  std::uint64_t raw = 0;
  std::memcpy(&raw, value.data(), value.size());
  if (!is_signed) return raw;
  const unsigned shift = 64 - 8 * static_cast<unsigned>(value.size());
  return static_cast<std::int64_t>(raw << shift) >> shift;
}

/// As JSON has such a text: U+FFFD for bytes that are no UTF-8, which no reader takes, and for NUL, which ends it.
std::string readable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = text[0] == '\0' ? 0 : base::utf8_length(text);
    result += length > 0 ? text.substr(0, length) : "\xef\xbf\xbd";
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

}  // namespace

bool is_whole(const Form& form) { return form.kind == Kind::kInteger || form.kind == Kind::kBool; }

std::uint64_t CellForm::size() const {
  std::uint64_t size = 1;
  for (const auto length : lengths) {
    if (__builtin_mul_overflow(size, length, &size)) return std::numeric_limits<std::uint64_t>::max();
  }
  return size;
}

CellForm plain_form(const schema::Type& type) {
  if (!is_number(type)) return {{Kind::kString, 0, false}};
  if (type.kind == Kind::kBool) return {{Kind::kBool, 1, true}};
  return {{type.kind == Kind::kEnumeration ? Kind::kInteger : type.kind,
           std::min<std::uint64_t>(type.width, sizeof(double)), type.is_signed}};
}

Column::Column(const schema::Type& type, CellForm form, std::uint64_t length)
    : type_(type), form_(std::move(form)), values_{form_.form, {}, {}} {
  clear(length);
}

void Column::clear(std::uint64_t length) {
  const auto& [kind, width, is_signed, fill] = form_.form;
  const std::uint64_t size = length * form_.size();
  size_of_texts_ = 0;
  values_.texts.assign(kind == Kind::kString ? length : 0, "");
  values_.numbers.assign(size * width, 0);
  for (std::uint64_t i = 0; i < size && (kind == Kind::kFloating || fill); ++i) {
    if (fill) {
      std::memcpy(values_.numbers.data() + i * width, &*fill, width);
    } else if (width == sizeof(float)) {
      put(i, std::numeric_limits<float>::quiet_NaN());
    } else {
      put(i, std::numeric_limits<double>::quiet_NaN());
    }
  }
}

void Column::set(std::uint64_t at, base::ByteReader& reader) {
  if (form_.form.kind == Kind::kString) {
    std::string text;
    schema::append_plain(type_, reader, text);
    return put_text(at, text);
  }
  set_list(type_, 0, at, reader);
}

void Column::set_list(const schema::Type& type, std::size_t depth, std::uint64_t at, base::ByteReader& reader) {
  if (!is_list(type)) return set_number(type, at, reader);
  const schema::Type& item = type.items[0];
  const std::uint64_t length = length_of(type, reader), width = form_.form.width;
  at *= form_.lengths[depth];
  if (is_number(item) && bytes_of(item) == width) {
    const auto numbers = reader.take(length * width);
    if (length > 0) std::memcpy(values_.numbers.data() + at * width, numbers.data(), numbers.size());
  } else {
    for (std::uint64_t i = 0; i < length; ++i) set_list(item, depth + 1, at + i, reader);
  }
}

void Column::set_number(const schema::Type& type, std::uint64_t at, base::ByteReader& reader) {
  const std::uint64_t width = form_.form.width;
  const auto value = reader.take(bytes_of(type));
  if (value.size() > sizeof(double)) {
    long double extended = 0;
    std::memcpy(&extended, value.data(), 10);
    put(at, static_cast<double>(extended));
  } else if (value.size() == width) {
    std::memcpy(values_.numbers.data() + at * width, value.data(), width);
  } else {
    const auto number = static_cast<std::int64_t>(whole_number(value, type.is_signed));
    std::memcpy(values_.numbers.data() + at * width, &number, width);
  }
}

void Column::put_text(std::uint64_t at, const std::string& text) {
  values_.texts[at] = readable(text);
  size_of_texts_ += values_.texts[at].size();
}

void Column::cut(std::uint64_t length) {
  values_.numbers.resize(length * form_.size() * form_.form.width);
  if (form_.form.kind == Kind::kString) values_.texts.resize(length);
}

CellSurvey::CellSurvey(const schema::Type& type) : type_(type) {
  const schema::Type* item = &type_;
  for (; is_list(*item); item = &item->items[0]) {
    const bool fixed = item->kind == Kind::kArray;
    shortest_.push_back(fixed ? item->count : std::numeric_limits<std::uint64_t>::max());
    longest_.push_back(fixed ? item->count : 0);
    vectors_ = vectors_ || !fixed;
  }
  if (is_number(*item)) number_ = *item;
}

void CellSurvey::add(base::ByteReader& reader) {
  if (!number_) {
    skipped_.clear();
    return schema::append_plain(type_, reader, skipped_);
  }
  ++values_;
  add(type_, 0, reader);
}

void CellSurvey::add(const schema::Type& type, std::size_t depth, base::ByteReader& reader) {
  const std::uint64_t width = bytes_of(*number_);
  if (!is_list(type)) {
    const auto value = reader.take(width);
    ++numbers_;
    if (number_->kind == Kind::kFloating) return;
    const auto number = whole_number(value, number_->is_signed);
    least_ = std::min(least_, number);
    most_ = std::max(most_, number);
    return;
  }
  const std::uint64_t length = length_of(type, reader);
  shortest_[depth] = std::min(shortest_[depth], length);
  longest_[depth] = std::max(longest_[depth], length);
  if (depth + 1 == longest_.size() && number_->kind == Kind::kFloating) {
    reader.take(length * width);
    numbers_ += length;
  } else {
    for (std::uint64_t i = 0; i < length; ++i) add(type.items[0], depth + 1, reader);
  }
}

bool CellSurvey::must_look(bool gaps) const {
  return number_ && (vectors_ || (gaps && number_->kind != Kind::kFloating));
}

CellForm CellSurvey::form(std::uint64_t good, std::uint64_t tasks, std::size_t most_dimensions) const {
  constexpr std::uint64_t kSparse = 4, kSmall = 1 << 20;  // so many times as much space, beyond so many numbers
  const CellForm text = plain_form(type_);
  if (!number_) return text;
  CellForm result{plain_form(*number_).form, longest_};
  const std::uint64_t size = result.size(), numbers = vectors_ ? numbers_ : good * size;
  if (longest_.size() > most_dimensions || size == 0) return text;
  if (!longest_.empty() && tasks > 0 && size > (kSparse * numbers + kSmall) / tasks) return text;
  const bool uneven = shortest_ != longest_;
  if (is_whole(result.form) && (good < tasks || uneven)) result.form = with_fill(result.form);
  return is_whole(result.form) && uneven && !result.form.fill ? text : result;
}

/// How to keep such numbers where some are missing: with a fill value that is none of them. xarray makes them
/// floating-point numbers then, and has NaN where they are missing: where that would cost digits there is none.
Form CellSurvey::with_fill(Form form) const {
  constexpr __int128 kExact = __int128{1} << 53;
  if (form.kind == Kind::kBool) form.kind = Kind::kInteger;
  if (least_ < -kExact || most_ > kExact) return form;
  for (;; form.width *= 2) {
    const unsigned bits = static_cast<unsigned>(8 * form.width);
    const __int128 lowest = form.is_signed ? -(__int128{1} << (bits - 1)) : 0;
    const __int128 highest = form.is_signed ? -lowest - 1 : (__int128{1} << bits) - 1;
    if (const __int128 usual = form.is_signed ? lowest : highest; usual < least_ || usual > most_) {
      form.fill = static_cast<std::uint64_t>(usual);
      return form;
    }
  }
}

}  // namespace jobhost::hdf5
