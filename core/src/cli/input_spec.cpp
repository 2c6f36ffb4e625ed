#include "cli/input_spec.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/json_checks.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

constexpr std::int64_t kMaxSteps = 100'000'000'000'000;
constexpr const char* kTooLong = "the range has more than 10^14 values";

[[noreturn]] void refuse(const std::string& why) { throw base::Error(base::ExitCode::kUsage, why); }

base::Bytes encoded(const schema::Type& type, const std::string& text) {
  base::Bytes bytes;
  const std::string why = schema::encode_text(type, text, bytes);
  if (!why.empty()) refuse(why);
  return bytes;
}

/// Splits at commas; the parts as they stand.
std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + separator.size();
  }
}

__int128 as_wide(const schema::Type& type, const base::Bytes& bytes) {
  std::uint64_t raw = 0;
  std::memcpy(&raw, bytes.data(), bytes.size());
  if (!type.is_signed) return raw;
  const unsigned shift = 64 - 8 * type.width;
  return static_cast<std::int64_t>(raw << shift) >> shift;
}

[[noreturn]] void refuse_direction(const std::vector<std::string>& parts, bool upwards) {
  refuse("the range goes from " + parts[0] + " to " + parts[1] + ", but its step is " +
         (upwards ? "positive; write " + parts[0] + ".." + parts[1] + "..-1 to count down" : "negative"));
}

Values integer_range(const schema::Type& type, const std::vector<std::string>& parts) {
  const __int128 first = as_wide(type, encoded(type, parts[0])), last = as_wide(type, encoded(type, parts[1]));
  schema::Type step_type;
  step_type.kind = schema::Kind::kInteger;
  step_type.width = 8;
  step_type.is_signed = true;
  const __int128 step = parts.size() == 3 ? as_wide(step_type, encoded(step_type, parts[2])) : 1;
  if (step == 0) refuse("a range with step 0 has no end");
  if (last != first && (last > first) != (step > 0)) refuse_direction(parts, step > 0);
  const __int128 steps = (last - first) / step;
  if (steps > kMaxSteps) refuse(kTooLong);
  return {static_cast<std::uint64_t>(steps) + 1,
          bundle::IntegerRange{static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(step)}};
}

double as_double(const std::string& text) {
  schema::Type type;
  type.kind = schema::Kind::kFloating;
  type.width = 8;
  const base::Bytes bytes = encoded(type, text);
  double value;
  std::memcpy(&value, bytes.data(), sizeof value);
  if (!std::isfinite(value)) refuse("a range cannot begin, end or step with '" + text + "'");
  return value;
}

/// The ends of a range, which a parameter of that type can have, as it can what is between them.
std::pair<double, double> ends_of(const schema::Type& type, const std::string& first, const std::string& last) {
  const std::pair ends{as_double(first), as_double(last)};
  if (type.width == sizeof(float)) {
    for (const auto& [value, text] : {std::pair{ends.first, first}, std::pair{ends.second, last}}) {
      if (std::abs(value) > std::numeric_limits<float>::max()) refuse("'" + text + "' is too large for a float");
    }
  }
  if (!std::isfinite(ends.second - ends.first)) {
    refuse("the range from " + first + " to " + last + " is wider than a double can be");
  }
  return ends;
}

/// Values of a range that are doubles must not become equal.
void check_step(const std::vector<std::string>& parts, double first, double last, double step) {
  if (parts[0] == parts[1]) return;
  int exponent = 0;
  const double fraction = std::frexp(std::max(std::abs(first), std::abs(last)), &exponent);
  if (fraction == 0.5 && first != last) --exponent;  // all values but that power of two are below it
  const double spacing = std::ldexp(1, exponent - std::numeric_limits<double>::digits);
  if (std::abs(step) < spacing) {
    refuse("the range from " + parts[0] + " to " + parts[1] +
           " has a step that is too small for a double of that size");
  }
}

struct Decimal {
  std::int64_t numerator;
  int places;
};

/// "-0.25" as -25 with two places; nothing for what is no decimal, or has so many digits that a double cannot hold
/// them.
std::optional<Decimal> decimal_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  constexpr std::int64_t kMost = bundle::DecimalRange::kMaxNumerator;
  Decimal decimal{0, 0};
  bool point = false;
  std::size_t at = 0;
  for (; at < text.size() && (text[at] == '.' || (text[at] >= '0' && text[at] <= '9')); ++at) {
    if (text[at] == '.') {
      if (std::exchange(point, true)) return std::nullopt;
      continue;
    }
    decimal.numerator = 10 * decimal.numerator + (text[at] - '0');
    if (decimal.numerator > kMost) return std::nullopt;
    decimal.places += point;
  }
  text.remove_prefix(at);
  if (!text.empty()) {
    int exponent = 0;
    if (text[0] != 'e' && text[0] != 'E') return std::nullopt;
    text.remove_prefix(text.size() > 1 && text[1] == '+' ? 2 : 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (error != std::errc() || end != text.data() + text.size() || std::abs(exponent) > 100) return std::nullopt;
    decimal.places -= exponent;
  }
  if (negative) decimal.numerator = -decimal.numerator;
  return decimal;
}

/// FIRST..LAST..STEP in whole multiples of a power of ten; nothing where that is not possible, or not needed.
std::optional<Values> decimal_range(const std::vector<std::string>& parts) {
  std::vector<Decimal> decimals;
  int places = 0;
  for (const auto& part : parts) {
    const auto decimal = decimal_of(part);
    if (!decimal) return std::nullopt;
    places = std::max(places, decimal->places);
    decimals.push_back(*decimal);
  }
  if (decimals.size() == 2) decimals.push_back({1, 0});
  if (places == 0 || places > static_cast<int>(bundle::DecimalRange::kMaxPlaces)) return std::nullopt;
  for (auto& [numerator, own_places] : decimals) {
    for (; own_places < places; ++own_places) {
      numerator *= 10;
      if (std::abs(numerator) > bundle::DecimalRange::kMaxNumerator) return std::nullopt;
    }
  }
  const std::int64_t first = decimals[0].numerator, last = decimals[1].numerator, step = decimals[2].numerator;
  return Values{static_cast<std::uint64_t>((last - first) / step) + 1,
                bundle::DecimalRange{first, step, static_cast<unsigned>(places)}};
}

Values float_range(const schema::Type& type, const std::vector<std::string>& parts) {
  const auto [first, last] = ends_of(type, parts[0], parts[1]);
  const double step = parts.size() == 3 ? as_double(parts[2]) : 1;
  if (step == 0) refuse("a range with step 0 has no end");
  const double steps = (last - first) / step;
  if (steps < 0) refuse_direction(parts, step > 0);
  if (steps > static_cast<double>(kMaxSteps)) refuse(kTooLong);
  if (type.width == sizeof(double)) check_step(parts, first, last, step);
  if (auto decimals = decimal_range(parts)) return *decimals;
  double whole = std::floor(steps);
  // 0..0.3..0.1 has four values although three steps of 0.1 miss 0.3 by rounding.
  const double rounding = 4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(first), std::abs(last));
  if ((whole + 1 - steps) * std::abs(step) <= std::min(rounding, std::abs(step) / 2)) ++whole;
  return {static_cast<std::uint64_t>(whole) + 1, bundle::FloatRange{first, step}};
}

struct Points {
  double first, last;
  std::uint64_t count;
};

Points points_of(const schema::Type& type, const std::string& text) {
  if (type.kind != schema::Kind::kFloating) refuse("evenly spaced points need a floating-point parameter");
  const auto parts = split(text, ":");
  std::uint64_t count = 0;
  if (parts.size() != 3) refuse("'" + text + "' is not FIRST:LAST:COUNT, as in 0:1:11");
  const auto [end, error] = std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), count);
  if (error != std::errc() || *end != '\0' || count == 0 || count > static_cast<std::uint64_t>(kMaxSteps)) {
    refuse("'" + parts[2] + "' is not a number of points");
  }
  const auto [first, last] = ends_of(type, parts[0], parts[1]);
  return {first, last, count};
}

/// Values of a JSON array, for types that are JSON themselves: [{"x": 1}, {"x": 2}].
Values json_list(const schema::Type& type, const std::string& text, const std::string& why_not_single) {
  if (!base::json_excess(text, SIZE_MAX).empty()) refuse(why_not_single);
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_array()) refuse(why_not_single);
  std::vector<base::Bytes> list;
  for (const auto& item : json) {
    base::Bytes bytes;
    const std::string why = schema::encode_json(type, item.dump(), bytes);
    if (!why.empty()) refuse(why_not_single);
    list.push_back(std::move(bytes));
  }
  const std::uint64_t count = list.size();
  return {count, std::move(list)};
}

}  // namespace

Values parse_linspace(const schema::Type& type, const std::string& text) {
  const Points points = points_of(type, text);
  return {points.count, bundle::Linspace{points.first, points.last, points.count}};
}

Values parse_logspace(const schema::Type& type, const std::string& text) {
  constexpr std::uint64_t kMaxPoints = 100'000'000;
  const Points points = points_of(type, text);
  if (points.count > kMaxPoints) refuse("--logspace makes at most 10^8 points");
  if (points.first == 0 || points.last == 0 || (points.first < 0) != (points.last < 0)) {
    refuse("a constant ratio does not lead from " + text.substr(0, text.rfind(':')) + "; both ends must have one sign");
  }
  const double sign = points.first < 0 ? -1 : 1;
  const double from = std::log10(std::abs(points.first)), to = std::log10(std::abs(points.last));
  std::vector<base::Bytes> list(points.count);
  for (std::uint64_t k = 0; k < points.count; ++k) {
    double value = points.first;
    if (k > 0) {
      const double share = static_cast<double>(k) / static_cast<double>(points.count - 1);
      value = k + 1 == points.count ? points.last : sign * std::pow(10.0, from + share * (to - from));
    }
    char text_of_value[64];
    const auto end = std::to_chars(text_of_value, text_of_value + sizeof text_of_value, value).ptr;
    list[k] = encoded(type, std::string(text_of_value, end));
  }
  return {points.count, std::move(list)};
}

Values parse_list(const schema::Type& type, const std::vector<std::string>& words) {
  if (words.size() == 1) return {1, bundle::Constant{encoded(type, words[0])}};
  std::vector<base::Bytes> list;
  list.reserve(words.size());
  for (const auto& word : words) list.push_back(encoded(type, word));
  const std::uint64_t count = list.size();
  return {count, std::move(list)};
}

Values parse_spec(const schema::Type& type, const std::string& text, bool literal) {
  if (literal) return {1, bundle::Constant{encoded(type, text)}};
  if (text.starts_with('@')) {
    refuse("values come from files that end in .npy, and rows from --csv, --tsv, --jsonl or --npy; write :=" + text +
           " for the text itself");
  }
  using schema::Kind;
  const schema::Type& inner = type.kind == Kind::kOptional ? type.items[0] : type;
  switch (inner.kind) {
    case Kind::kInteger:
    case Kind::kEnumeration:
    case Kind::kFloating:
      if (&inner == &type && text.find("..") != std::string::npos) {
        const auto parts = split(text, "..");
        const bool complete = std::find(parts.begin(), parts.end(), "") == parts.end();
        if (parts.size() > 3 || !complete)
          refuse("'" + text + "' is not a range: write FIRST..LAST or FIRST..LAST..STEP");
        return type.kind == Kind::kFloating ? float_range(type, parts) : integer_range(type, parts);
      }
      return parse_list(type, split(text, ","));
    case Kind::kBool:
    case Kind::kChar:
    case Kind::kString:
      return parse_list(type, split(text, ","));
    default: {
      base::Bytes bytes;
      const std::string why = schema::encode_text(type, text, bytes);
      if (!why.empty()) return json_list(type, text, why);
      return {1, bundle::Constant{std::move(bytes)}};
    }
  }
}

}  // namespace jobhost::cli
