#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/suggest.hpp"
#include "schema/value.hpp"

namespace jobhost::schema {
namespace {

constexpr int kMaxDepth = 64;
using Json = nlohmann::ordered_json;

std::string with_article(const std::string& type) {
  const bool vowel = !type.empty() && std::string_view("aeiou").find(type[0]) != std::string_view::npos &&
                     !type.starts_with("unsigned") && !type.starts_with("union");
  return (vowel || type.starts_with("unsigned") ? "an " : "a ") + type;
}

std::string shortened(std::string_view text) {
  return "'" + (text.size() > 60 ? std::string(text.substr(0, 57)) + "..." : std::string(text)) + "'";
}

std::string unfit(const Type& type, std::string_view text) {
  return shortened(text) + " is not " + with_article(cpp_name(type)) +
         (type.kind == Kind::kEnumeration ? ": give the number of its enumerator, for example 0" : "");
}

template <class T>
void append_low_bytes(base::Bytes& out, T value, std::uint8_t width) {
  const auto* raw = reinterpret_cast<const unsigned char*>(&value);
  out.insert(out.end(), raw, raw + width);
}

std::string out_of_range(const Type& type, std::string_view text) {
  const unsigned bits = 8u * type.width;
  const std::string lowest =
      type.is_signed ? std::to_string(std::numeric_limits<std::int64_t>::min() >> (64 - bits)) : "0";
  const std::string highest = type.is_signed ? std::to_string(std::numeric_limits<std::int64_t>::max() >> (64 - bits))
                                             : std::to_string(std::numeric_limits<std::uint64_t>::max() >> (64 - bits));
  return std::string(text) + " does not fit into " + with_article(cpp_name(type)) + " (" + lowest + " to " + highest +
         ")";
}

/// Decimal or 0x hexadecimal.
std::string encode_integer(const Type& type, std::string_view text, base::Bytes& out) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  const int radix = digits.starts_with("0x") || digits.starts_with("0X") ? 16 : 10;
  if (radix == 16) digits.remove_prefix(2);
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, radix);
  if (digits.empty() || end != digits.data() + digits.size() || error == std::errc::invalid_argument) {
    return unfit(type, text);
  }
  const unsigned bits = 8u * type.width;
  bool fits = error == std::errc();
  if (type.is_signed) {
    const std::uint64_t limit = std::uint64_t{1} << (bits - 1);
    fits = fits && (negative ? magnitude <= limit : magnitude < limit);
  } else {
    fits = fits && (!negative || magnitude == 0) && (bits == 64 || magnitude >> bits == 0);
  }
  if (!fits) return out_of_range(type, text);
  append_low_bytes(out, negative ? ~magnitude + 1 : magnitude, type.width);
  return {};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

template <class T>
std::string encode_floating_as(const Type& type, std::string_view text, base::Bytes& out) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  T value = 0;
  const std::string word = lower(digits);
  if (word == "nan") {
    value = std::numeric_limits<T>::quiet_NaN();
  } else if (word == "inf" || word == "infinity") {
    value = std::numeric_limits<T>::infinity();
  } else {
    const bool hexadecimal = word.starts_with("0x");
    if (hexadecimal) digits.remove_prefix(2);
    // No second sign, and not the words that from_chars knows: in libstdc++ 12 it reads past the end of others like
    // them.
    const unsigned char first = digits.empty() ? 0 : static_cast<unsigned char>(digits[0]);
    if (!std::isxdigit(first) && first != '.') return unfit(type, text);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value,
                                              hexadecimal ? std::chars_format::hex : std::chars_format::general);
    if (end != digits.data() + digits.size() || error == std::errc::invalid_argument) return unfit(type, text);
    if (error == std::errc::result_out_of_range) {
      // Too small rounds to zero or a denormal, as a compiler does it; too large does not fit.
      value =
          static_cast<T>(std::strtold((std::string(hexadecimal ? "0x" : "") + std::string(digits)).c_str(), nullptr));
      if (std::isinf(value)) return shortened(text) + " is too large for " + with_article(cpp_name(type));
    }
  }
  if (negative) value = -value;
  if constexpr (sizeof(T) == 16) {
    append_low_bytes(out, value, 10);
    out.insert(out.end(), 6, 0);
  } else {
    append_low_bytes(out, value, sizeof value);
  }
  return {};
}

std::string encode_floating(const Type& type, std::string_view text, base::Bytes& out) {
  if (type.width == 4) return encode_floating_as<float>(type, text, out);
  if (type.width == 8) return encode_floating_as<double>(type, text, out);
  return encode_floating_as<long double>(type, text, out);
}

std::string encode_scalar(const Type& type, std::string_view text, base::Bytes& out) {
  switch (type.kind) {
    case Kind::kBool: {
      const std::string word = lower(text);
      if (word != "true" && word != "false" && word != "1" && word != "0") return unfit(type, text);
      out.push_back(word == "true" || word == "1");
      return {};
    }
    case Kind::kChar:
      if (text.size() != 1) return shortened(text) + " is not a single character";
      out.push_back(static_cast<unsigned char>(text[0]));
      return {};
    case Kind::kInteger:
    case Kind::kEnumeration:
      return encode_integer(type, text, out);
    case Kind::kFloating:
      return encode_floating(type, text, out);
    default:
      base::append_text(out, text);
      return {};
  }
}

std::string encode_tree(const Type& type, const Json& json, base::Bytes& out);

std::string encode_list(const Type& type, const Json& json, base::Bytes& out, const std::string& what) {
  if (!json.is_array()) return unfit(type, json.dump());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const Type& item = type.kind == Kind::kTuple ? type.items[i] : type.items[0];
    const std::string why = encode_tree(item, json[i], out);
    if (!why.empty()) return what + " " + std::to_string(i + 1) + ": " + why;
  }
  return {};
}

std::string encode_record(const Type& type, const Json& json, base::Bytes& out) {
  if (!json.is_object()) {
    if (!json.is_array() || json.size() != type.items.size()) return unfit(type, json.dump());
    for (std::size_t i = 0; i < type.items.size(); ++i) {
      const std::string why = encode_tree(type.items[i], json[i], out);
      if (!why.empty()) return "field '" + type.fields[i] + "': " + why;
    }
    return {};
  }
  for (const auto& [key, value] : json.items()) {
    if (std::find(type.fields.begin(), type.fields.end(), key) == type.fields.end()) {
      return with_article(type.name) + " has no field '" + key + "': " + base::did_you_mean(key, type.fields);
    }
  }
  for (std::size_t i = 0; i < type.items.size(); ++i) {
    if (!json.contains(type.fields[i])) return "field '" + type.fields[i] + "' is missing";
    const std::string why = encode_tree(type.items[i], json[type.fields[i]], out);
    if (!why.empty()) return "field '" + type.fields[i] + "': " + why;
  }
  return {};
}

std::string encode_map(const Type& type, const Json& json, base::Bytes& out) {
  const bool object = json.is_object();
  if (!object && !json.is_array()) return unfit(type, json.dump());
  base::append_value<std::uint64_t>(out, json.size());
  if (object) {
    for (const auto& [key, value] : json.items()) {
      if (!is_scalar(type.items[0])) return unfit(type, json.dump());
      std::string why = encode_scalar(type.items[0], key, out);
      if (why.empty()) why = encode_tree(type.items[1], value, out);
      if (!why.empty()) return "key '" + key + "': " + why;
    }
    return {};
  }
  for (const auto& pair : json) {
    if (!pair.is_array() || pair.size() != 2) return "entries of a map are [key, value] pairs";
    std::string why = encode_tree(type.items[0], pair[0], out);
    if (why.empty()) why = encode_tree(type.items[1], pair[1], out);
    if (!why.empty()) return why;
  }
  return {};
}

/// The first alternative that takes the value.
std::string encode_variant(const Type& type, const Json& json, base::Bytes& out) {
  const std::size_t before = out.size();
  for (std::size_t i = 0; i < type.items.size(); ++i) {
    base::append_value(out, static_cast<std::int32_t>(i));
    if (encode_tree(type.items[i], json, out).empty()) return {};
    out.resize(before);
  }
  return unfit(type, json.dump());
}

std::string encode_tree(const Type& type, const Json& json, base::Bytes& out) {
  switch (type.kind) {
    case Kind::kVoid:
      return "a value is given where there is none";
    case Kind::kBool:
      if (!json.is_boolean()) return unfit(type, json.dump());
      out.push_back(json.get<bool>());
      return {};
    case Kind::kChar:
    case Kind::kString:
      if (!json.is_string()) return unfit(type, json.dump());
      return encode_scalar(type, json.get_ref<const std::string&>(), out);
    case Kind::kInteger:
    case Kind::kEnumeration:
      if (!json.is_number_integer()) return unfit(type, json.dump());
      return encode_integer(type, json.dump(), out);
    case Kind::kFloating:
      if (json.is_string()) {
        const auto& word = json.get_ref<const std::string&>();
        const bool beyond_json = type.width > sizeof(double);  // numbers that are written as text
        if (word != "NaN" && word != "Infinity" && word != "-Infinity" && !beyond_json) return unfit(type, json.dump());
        return encode_floating(type, word, out);
      }
      if (!json.is_number()) return unfit(type, json.dump());
      return encode_floating(type, json.dump(), out);
    case Kind::kVector:
      base::append_value<std::uint64_t>(out, json.is_array() ? json.size() : 0);
      return encode_list(type, json, out, "element");
    case Kind::kArray:
      if (json.is_array() && json.size() != type.count) {
        return "an array of " + std::to_string(type.count) + " elements is wanted, not of " +
               std::to_string(json.size());
      }
      return encode_list(type, json, out, "element");
    case Kind::kTuple:
      if (json.is_array() && json.size() != type.items.size()) {
        return std::to_string(type.items.size()) + " elements are wanted, not " + std::to_string(json.size());
      }
      return encode_list(type, json, out, "element");
    case Kind::kMap:
      return encode_map(type, json, out);
    case Kind::kPointer:
      out.push_back(!json.is_null());
      return json.is_null() ? std::string() : encode_tree(type.items[0], json, out);
    case Kind::kVariant:
      return encode_variant(type, json, out);
    case Kind::kJson:
      base::append_text(out, json.dump());
      return {};
    case Kind::kOptional:
      out.push_back(json.is_null());
      return json.is_null() ? std::string() : encode_tree(type.items[0], json, out);
    case Kind::kRecord:
      return encode_record(type, json, out);
  }
  return "unknown type";
}

/// The parser's callback sees the depth before anything is built.
Json parse_limited(std::string_view text) {
  bool too_deep = false;
  Json json = Json::parse(
      text.begin(), text.end(),
      [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > kMaxDepth;
        return !too_deep;
      },
      false);
  return too_deep ? Json(Json::value_t::discarded) : json;
}

}  // namespace

std::string encode_text(const Type& type, std::string_view text, base::Bytes& out) {
  const std::size_t before = out.size();
  std::string why;
  if (is_scalar(type)) {
    why = encode_scalar(type, text, out);
  } else if ((type.kind == Kind::kOptional || type.kind == Kind::kPointer) && is_scalar(type.items[0])) {
    const bool none = text.empty() || text == "null";
    out.push_back(none == (type.kind == Kind::kOptional));
    if (!none) why = encode_scalar(type.items[0], text, out);
  } else if (type.kind == Kind::kVariant) {
    why = unfit(type, text);
    for (std::size_t i = 0; i < type.items.size() && !why.empty(); ++i) {
      base::append_value(out, static_cast<std::int32_t>(i));
      const std::string obstacle = encode_text(type.items[i], text, out);
      if (obstacle.empty()) why.clear();
      if (!obstacle.empty()) out.resize(before);
    }
  } else {
    why = encode_json(type, text, out);
  }
  if (!why.empty()) out.resize(before);
  return why;
}

std::string encode_json(const Type& type, std::string_view text, base::Bytes& out) {
  const Json json = parse_limited(text);
  if (json.is_discarded()) return unfit(type, text) + " written as JSON";
  const std::size_t before = out.size();
  const std::string why = encode_tree(type, json, out);
  if (!why.empty()) out.resize(before);
  return why;
}

}  // namespace jobhost::schema
