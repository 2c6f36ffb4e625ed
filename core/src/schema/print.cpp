#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/utf8.hpp"
#include "schema/value.hpp"

namespace jobhost::schema {
namespace {

constexpr int kMaxDepth = 64;

template <class T>
T loaded(const unsigned char* value) {
  T result;
  std::memcpy(&result, value, sizeof result);
  return result;
}

char* put_word(char* at, const char* word) { return at + std::strlen(std::strcpy(at, word)); }

template <class T>
char* put_integer(char* at, const unsigned char* value) {
  return std::to_chars(at, at + kLongestNumber, +loaded<T>(value)).ptr;
}

char* put_bool(char* at, const unsigned char* value) { return put_word(at, *value != 0 ? "true" : "false"); }

template <class T, bool kJson>
char* put_floating(char* at, const unsigned char* encoded) {
  const T value = loaded<T>(encoded);
  if (value == 0 && std::signbit(value)) {
    return put_word(at, "-0.0");  // a JSON reader takes "-0" for the integer 0 and drops the sign
  }
  if constexpr (kJson && sizeof(T) > sizeof(double)) {
    // JSON readers know doubles alone, and fail, or say infinity, where a number is larger.
    if (std::isfinite(value) && std::abs(value) > std::numeric_limits<double>::max()) {
      *at = '"';
      char* const end = std::to_chars(at + 1, at + kLongestNumber, value).ptr;
      *end = '"';
      return end + 1;
    }
  }
  if (std::isfinite(value)) return std::to_chars(at, at + kLongestNumber, value).ptr;
  if (std::isnan(value)) return put_word(at, kJson ? "\"NaN\"" : "NaN");
  if (kJson) return put_word(at, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  return put_word(at, value > 0 ? "Infinity" : "-Infinity");
}

template <bool kJson>
NumberText floating_text(std::uint64_t width) {
  if (width == 4) return &put_floating<float, kJson>;
  return width == 8 ? &put_floating<double, kJson> : &put_floating<long double, kJson>;
}

template <class Signed, class Unsigned>
NumberText integer_text(bool is_signed) {
  return is_signed ? &put_integer<Signed> : &put_integer<Unsigned>;
}

void append_number(const Type& type, base::ByteReader& reader, bool json, std::string& out) {
  char text[kLongestNumber];
  const auto value = reader.take(type.kind == Kind::kBool ? 1 : type.width);
  out.append(text, number_text(type, json)(text, value.data()));
}

void append_object_key(const Type& type, base::ByteReader& reader, std::string& out) {
  if (type.kind == Kind::kString) {
    append_json_string(base::as_text(reader.take(reader.value<std::uint64_t>())), out);
    return;
  }
  out += '"';
  append_number(type, reader, true, out);
  out += '"';
}

const Type& alternative(const Type& type, base::ByteReader& reader) {
  const auto index = reader.value<std::int32_t>();
  if (index < 0 || static_cast<std::size_t>(index) >= type.items.size()) {
    throw base::Error(base::ExitCode::kDamaged, "a variant holds none of its alternatives");
  }
  return type.items[static_cast<std::size_t>(index)];
}

void print(const Type& type, base::ByteReader& reader, std::string& out, int depth) {
  if (depth > kMaxDepth) throw base::Error(base::ExitCode::kDamaged, "a value is nested too deeply");
  const auto list = [&](char open, char close, std::uint64_t count, const auto& item) {
    out += open;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i > 0) out += ',';
      item(i);
    }
    out += close;
  };
  // Every element takes at least a byte, so a count beyond what remains is damage.
  const auto count_of = [&] {
    const auto count = reader.value<std::uint64_t>();
    if (count > reader.remaining()) throw base::Error(base::ExitCode::kDamaged, "a value ends too early");
    return count;
  };
  switch (type.kind) {
    case Kind::kVoid:
      out += "null";
      return;
    case Kind::kChar: {
      const char c = reader.value<char>();
      append_json_string({&c, 1}, out);
      return;
    }
    case Kind::kBool:
    case Kind::kInteger:
    case Kind::kEnumeration:
    case Kind::kFloating:
      return append_number(type, reader, true, out);
    case Kind::kString:
      return append_json_string(base::as_text(reader.take(reader.value<std::uint64_t>())), out);
    case Kind::kVector:
      return list('[', ']', count_of(), [&](std::uint64_t) { print(type.items[0], reader, out, depth + 1); });
    case Kind::kArray:
      return list('[', ']', type.count, [&](std::uint64_t) { print(type.items[0], reader, out, depth + 1); });
    case Kind::kTuple:
      return list('[', ']', type.items.size(), [&](std::uint64_t i) { print(type.items[i], reader, out, depth + 1); });
    case Kind::kOptional:
      if (reader.value<std::uint8_t>() != 0) {
        out += "null";
      } else {
        print(type.items[0], reader, out, depth + 1);
      }
      return;
    case Kind::kPointer:
      if (reader.value<std::uint8_t>() == 0) {
        out += "null";
      } else {
        print(type.items[0], reader, out, depth + 1);
      }
      return;
    case Kind::kVariant:
      return print(alternative(type, reader), reader, out, depth + 1);
    case Kind::kJson:
      out += base::as_text(reader.take(reader.value<std::uint64_t>()));
      return;
    case Kind::kRecord:
      return list('{', '}', type.items.size(), [&](std::uint64_t i) {
        append_json_string(type.fields[i], out);
        out += ':';
        print(type.items[i], reader, out, depth + 1);
      });
    case Kind::kMap: {
      const bool object = type.items[0].kind == Kind::kString || type.items[0].kind == Kind::kInteger;
      return list(object ? '{' : '[', object ? '}' : ']', count_of(), [&](std::uint64_t) {
        if (object) {
          append_object_key(type.items[0], reader, out);
          out += ':';
          print(type.items[1], reader, out, depth + 1);
          return;
        }
        out += '[';
        print(type.items[0], reader, out, depth + 1);
        out += ',';
        print(type.items[1], reader, out, depth + 1);
        out += ']';
      });
    }
  }
}

/// Elements of each of `rows` encoded vectors or arrays of one length; 0 when they are none.
std::uint64_t columns_of(const Type& row, std::uint64_t rows, base::ByteReader& reader) {
  if (row.kind == Kind::kArray) return row.count;
  const auto item = row.kind == Kind::kVector ? fixed_size(row.items[0]) : std::nullopt;
  if (!item) return 0;
  std::uint64_t columns = 0;
  for (std::uint64_t i = 0; i < rows; ++i) {
    const auto count = reader.value<std::uint64_t>();
    if ((i > 0 && count != columns) || count > reader.remaining()) return 0;
    reader.take(count * *item);
    columns = count;
  }
  return columns;
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      ++i;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      if (c == '\n') {
        out += "\\n";
      } else if (c == '\t') {
        out += "\\t";
      } else {
        out += "\\u00";
        out += kDigits[(c >> 4) & 15];
        out += kDigits[c & 15];
      }
      ++i;
    } else if (const std::size_t length = base::utf8_length(text.substr(i, 4)); length > 0) {
      out.append(text, i, length);
      i += length;
    } else {
      out += "\xef\xbf\xbd";
      ++i;
    }
  }
  out += '"';
}

void append_json(const Type& type, base::ByteReader& reader, std::string& out) { print(type, reader, out, 0); }

void append_plain(const Type& type, base::ByteReader& reader, std::string& out) {
  switch (type.kind) {
    case Kind::kVoid:
      return;
    case Kind::kString:
      out += base::as_text(reader.take(reader.value<std::uint64_t>()));
      return;
    case Kind::kChar:
      out += reader.value<char>();
      return;
    case Kind::kFloating:
      return append_number(type, reader, false, out);
    case Kind::kOptional:
      if (reader.value<std::uint8_t>() == 0) append_plain(type.items[0], reader, out);
      return;
    case Kind::kPointer:
      if (reader.value<std::uint8_t>() != 0) append_plain(type.items[0], reader, out);
      return;
    case Kind::kVariant:
      return append_plain(alternative(type, reader), reader, out);
    default:
      return append_json(type, reader, out);
  }
}

void append_brief(const Type& type, base::ByteView value, std::string& out) {
  constexpr std::size_t kLong = 80, kVeryLong = 4096;  // characters, bytes
  if (type.kind != Kind::kVector || value.size() <= kVeryLong) {
    std::string text;
    base::ByteReader reader(value);
    append_plain(type, reader, text);
    if (text.size() <= kLong) {
      out += text;
      return;
    }
    if (type.kind != Kind::kVector) {
      std::size_t end = kLong;
      while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // whole characters
      out += text.substr(0, end) + "…";
      return;
    }
  }
  base::ByteReader reader(value);
  const auto rows = reader.value<std::uint64_t>();
  const std::uint64_t columns = columns_of(type.items[0], rows, reader);
  out += "(" + std::to_string(rows) + (columns > 0 ? " x " + std::to_string(columns) : " values") + ")";
}

NumberText number_text(const Type& type, bool json) {
  switch (type.kind) {
    case Kind::kBool:
      return &put_bool;
    case Kind::kFloating:
      return json ? floating_text<true>(type.width) : floating_text<false>(type.width);
    case Kind::kInteger:
    case Kind::kEnumeration:
      switch (type.width) {
        case 1:
          return integer_text<std::int8_t, std::uint8_t>(type.is_signed);
        case 2:
          return integer_text<std::int16_t, std::uint16_t>(type.is_signed);
        case 4:
          return integer_text<std::int32_t, std::uint32_t>(type.is_signed);
        default:
          return integer_text<std::int64_t, std::uint64_t>(type.is_signed);
      }
    default:
      return nullptr;
  }
}

}  // namespace jobhost::schema
