#include "report/cells.hpp"

#include <cstring>

#include "schema/value.hpp"

namespace jobhost::report {
namespace {

using schema::Kind;

template <class T>
double number(const unsigned char* value) {
  T loaded;
  std::memcpy(&loaded, value, sizeof loaded);
  return static_cast<double>(loaded);
}

bool is_exact_as_double(std::int64_t value) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 53;
  return -kLimit <= value && value <= kLimit;
}

}  // namespace

NumberOf number_of(const schema::Type& type) {
  switch (type.kind) {
    case Kind::kBool:
      return number<std::uint8_t>;
    case Kind::kFloating:
      return type.width == 4 ? number<float> : type.width == 8 ? number<double> : number<long double>;
    case Kind::kInteger:
    case Kind::kEnumeration:
      switch (type.width) {
        case 1:
          return type.is_signed ? number<std::int8_t> : number<std::uint8_t>;
        case 2:
          return type.is_signed ? number<std::int16_t> : number<std::uint16_t>;
        case 4:
          return type.is_signed ? number<std::int32_t> : number<std::uint32_t>;
        default:
          return type.is_signed ? number<std::int64_t> : number<std::uint64_t>;
      }
    default:
      return nullptr;
  }
}

std::string cell_json(const schema::Type& type, base::ByteView value) {
  std::string text;
  if (schema::number_text(type, true)) {
    base::ByteReader reader(value);
    schema::append_json(type, reader, text);
    const bool whole = type.kind == Kind::kInteger && type.width == 8;
    if (whole && !is_exact_as_double(base::ByteReader(value).value<std::int64_t>())) text = '"' + text + '"';
    return text;
  }
  std::string brief;
  schema::append_brief(type, value, brief);
  schema::append_json_string(brief, text);
  return text;
}

Cells::Cells(const schema::Type& type, const std::string& name) { add(type, name); }

void Cells::add(const schema::Type& type, const std::string& name) {
  if (type.kind != Kind::kRecord) {
    if (type.kind != Kind::kVoid) cells_.push_back({name, type, number_of(type)});
    return;
  }
  for (std::size_t i = 0; i < type.items.size(); ++i) add(type.items[i], name + "." + type.fields[i]);
}

void Cells::each(base::ByteView value, const std::function<void(std::size_t, base::ByteView)>& use) const {
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const auto size = schema::encoded_size(cells_[i].type, value);
    if (!size) throw base::Error(base::ExitCode::kDamaged, "a result does not fit its type");
    use(i, value.first(*size));
    value = value.subspan(*size);
  }
}

}  // namespace jobhost::report
