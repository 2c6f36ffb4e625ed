#include "cli/npy_input.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "cli/row_input.hpp"
#include "cli/signals.hpp"
#include "schema/value.hpp"

// The format: numpy.org, "NEP 1, A Simple File Format for NumPy Arrays".
namespace jobhost::cli {
namespace {

constexpr std::uint64_t kMostEmptyRows = 1 << 20;
constexpr unsigned char kMagic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/// The text behind "'key':" of a Python dictionary, from its first character on.
std::string_view value_in(std::string_view header, const std::string& key) {
  const std::size_t at = header.find("'" + key + "':");
  if (at == std::string_view::npos) return {};
  header.remove_prefix(at + key.size() + 3);
  const std::size_t begin = header.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view() : header.substr(begin);
}

/// The next text in single quotes at the front of `rest`, which is moved behind it.
std::string quoted(std::string_view& rest) {
  const std::size_t begin = rest.find('\''), end = rest.find('\'', begin + 1);
  if (begin == std::string_view::npos || end == std::string_view::npos) return "";
  const std::string text(rest.substr(begin + 1, end - begin - 1));
  rest.remove_prefix(end + 1);
  return text;
}

template <class T>
T load(const unsigned char* raw) {
  T value;
  std::memcpy(&value, raw, sizeof value);
  return value;
}

template <class T>
std::string digits(T value) {
  char text[64];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

}  // namespace

NpyArray::NpyArray(base::Env& env, const std::string& path) : path_(path) {
  mapping_ = base::Mapping(open_regular(env, path));
  memory_ = mapping_.bytes().data();
  size_ = mapping_.bytes().size();
  if (size_ < 10) refuse("it is too short");
  if (std::memcmp(memory_, kMagic, sizeof kMagic) != 0) refuse("it does not begin as one");
  const bool long_header = memory_[6] > 1;
  const std::uint64_t begin = long_header ? 12 : 10;
  const std::uint64_t length =
      long_header && size_ >= 12 ? load<std::uint32_t>(memory_ + 8) : load<std::uint16_t>(memory_ + 8);
  if (begin > size_ || length > size_ - begin) refuse("its header is cut short");
  parse_header(std::string(reinterpret_cast<const char*>(memory_ + begin), length));
  data_ = begin + length;
  // An array without items may have rows of nothing all the same.
  const bool empty = std::find(shape_.begin(), shape_.end(), 0) != shape_.end();
  const std::uint64_t most = empty ? kMostEmptyRows : (size_ - data_) / item_;
  std::uint64_t places = 1;
  for (const auto extent : shape_) {
    if (extent == 0) continue;
    if (extent > most / places) refuse("it is shorter than its shape says");
    places *= extent;
  }
  if (places > most) refuse("it is shorter than its shape says");
}

void NpyArray::refuse(const std::string& why) const {
  throw base::Error(base::ExitCode::kUsage, "'" + path_ + "' is not a .npy file that can be read: " + why,
                    "arrays of integers, floating-point numbers and truth values can, and records of these");
}

NpyArray::Field NpyArray::field_of(const std::string& descriptor) const {
  Field field{descriptor.size() >= 3 ? descriptor[1] : '?', 0, 0};
  std::from_chars(descriptor.data() + std::min<std::size_t>(2, descriptor.size()),
                  descriptor.data() + descriptor.size(), field.size);
  const bool little = descriptor.starts_with('<') || descriptor.starts_with('|') || descriptor.starts_with('=');
  const bool integer = (field.kind == 'i' || field.kind == 'u') &&
                       (field.size == 1 || field.size == 2 || field.size == 4 || field.size == 8);
  const bool other =
      (field.kind == 'f' && (field.size == 4 || field.size == 8)) || (field.kind == 'b' && field.size == 1);
  if (!little || (!integer && !other)) refuse("its items are of type '" + descriptor + "'");
  return field;
}

void NpyArray::parse_header(const std::string& header) {
  std::string_view type = value_in(header, "descr"), shape = value_in(header, "shape");
  if (type.empty() || shape.empty() || shape[0] != '(') refuse("its header makes no sense");
  if (type[0] == '[') {
    for (type = type.substr(1, type.find(']') - 1); type.find('(') != std::string_view::npos;) {
      names_.push_back(quoted(type));
      fields_.push_back(field_of(quoted(type)));
      fields_.back().offset = item_;
      item_ += fields_.back().size;
      if (type.find(')') < type.find('(') - 1 && type.substr(0, type.find(')')).find('(') != std::string_view::npos) {
        refuse("a field is an array itself");
      }
    }
  } else {
    fields_.push_back(field_of(quoted(type)));
    item_ = fields_[0].size;
  }
  if (item_ == 0) refuse("its items have no size");
  for (shape = shape.substr(1, shape.find(')') - 1); !shape.empty();) {
    const std::size_t digit = shape.find_first_of("0123456789");
    if (digit == std::string_view::npos) break;
    std::uint64_t extent = 0;
    const auto [end, error] = std::from_chars(shape.data() + digit, shape.data() + shape.size(), extent);
    if (error != std::errc()) refuse("its shape makes no sense");
    shape_.push_back(extent);
    shape.remove_prefix(static_cast<std::size_t>(end - shape.data()));
  }
  strides_.resize(shape_.size(), 1);
  if (value_in(header, "fortran_order").starts_with("True")) {
    for (std::size_t d = 1; d < shape_.size(); ++d) strides_[d] = strides_[d - 1] * shape_[d - 1];
  } else {
    for (std::size_t d = shape_.size(); d-- > 1;) strides_[d - 1] = strides_[d] * shape_[d];
  }
}

/// True when items in the file are what is sent.
bool NpyArray::is_encoded(const schema::Type& type, const Field& field) {
  const bool same = (type.kind == schema::Kind::kFloating && field.kind == 'f') ||
                    (type.kind == schema::Kind::kInteger && field.kind == (type.is_signed ? 'i' : 'u'));
  return same && type.width == field.size;
}

std::string NpyArray::encode_number(const schema::Type& type, const Field& field, const unsigned char* raw,
                                    base::Bytes& out) const {
  if (is_encoded(type, field)) {
    out.insert(out.end(), raw, raw + field.size);
    return "";
  }
  std::string text;
  if (field.kind == 'b') {
    text = type.kind == schema::Kind::kBool ? (*raw ? "true" : "false") : (*raw ? "1" : "0");
  } else if (field.kind == 'f') {
    text = field.size == 4 ? digits(load<float>(raw)) : digits(load<double>(raw));
  } else if (field.kind == 'u') {
    text = digits(field.size == 1   ? std::uint64_t{*raw}
                  : field.size == 2 ? load<std::uint16_t>(raw)
                  : field.size == 4 ? load<std::uint32_t>(raw)
                                    : load<std::uint64_t>(raw));
  } else {
    text = digits(field.size == 1   ? std::int64_t{load<std::int8_t>(raw)}
                  : field.size == 2 ? load<std::int16_t>(raw)
                  : field.size == 4 ? load<std::int32_t>(raw)
                                    : load<std::int64_t>(raw));
  }
  return schema::encode_text(type, text, out);
}

std::string NpyArray::encode(const schema::Type& type, std::size_t dimension, std::uint64_t index,
                             base::Bytes& out) const {
  const unsigned char* const item = memory_ + data_ + index * item_;
  if (dimension == shape_.size()) {
    if (names_.empty()) return encode_number(type, fields_[0], item, out);
    const bool fits = (type.kind == schema::Kind::kRecord || type.kind == schema::Kind::kTuple) &&
                      type.items.size() == fields_.size();
    if (!fits) return "its records do not fit " + schema::cpp_name(type);
    for (std::size_t f = 0; f < fields_.size(); ++f) {
      const std::string why = encode_number(type.items[f], fields_[f], item + fields_[f].offset, out);
      if (!why.empty()) return why;
    }
    return "";
  }
  const std::uint64_t count = shape_[dimension];
  if (type.kind == schema::Kind::kVector) {
    base::append_value<std::uint64_t>(out, count);
  } else if (type.kind != schema::Kind::kArray || type.count != count) {
    return "its shape does not fit " + schema::cpp_name(type);
  }
  const bool side_by_side = dimension + 1 == shape_.size() && strides_[dimension] == 1;
  if (side_by_side && names_.empty() && is_encoded(type.items[0], fields_[0])) {
    out.insert(out.end(), item, item + count * item_);
    return "";
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string why = encode(type.items[0], dimension + 1, index + i * strides_[dimension], out);
    if (!why.empty()) return why;
  }
  return "";
}

std::string NpyArray::sha256() const { return base::sha256_hex({memory_, size_}); }

std::string NpyArray::encode_row(const schema::Type& type, std::uint64_t row, base::Bytes& out) const {
  return shape_.empty() ? encode(type, 0, 0, out) : encode(type, 1, row * strides_[0], out);
}

std::string NpyArray::encode_cell(const schema::Type& type, std::uint64_t row, std::size_t column,
                                  base::Bytes& out) const {
  if (names_.empty()) {
    const std::uint64_t index = row * strides_[0] + (shape_.size() > 1 ? column * strides_[1] : 0);
    return encode(type, std::min<std::size_t>(2, shape_.size()), index, out);
  }
  const std::uint64_t index = shape_.empty() ? 0 : row * strides_[0];
  return encode_number(type, fields_[column], memory_ + data_ + index * item_ + fields_[column].offset, out);
}

std::string NpyArray::encode_all(const schema::Type& type, base::Bytes& out) const { return encode(type, 0, 0, out); }

std::string read_npy(base::Env& env, const std::string& path, const schema::Kernel& kernel,
                     const std::vector<std::uint32_t>& unbound, const OpenPack& open) {
  const NpyArray array(env, path);
  std::vector<std::uint32_t> parameters;
  std::vector<std::size_t> columns;
  for (std::size_t f = 0; f < array.fields().size(); ++f) {
    const int parameter = parameter_of(kernel, array.fields()[f], path);
    if (parameter < 0) continue;
    parameters.push_back(static_cast<std::uint32_t>(parameter));
    columns.push_back(f);
  }
  const bool records = !array.fields().empty();
  const std::size_t width = array.shape().size() == 2 ? array.shape()[1] : 1;
  if (!records) {
    if (array.shape().empty() || array.shape().size() > 2 || width != unbound.size()) {
      throw base::Error(base::ExitCode::kUsage,
                        path + " has " + std::to_string(width) + " columns without names, and " +
                            std::to_string(unbound.size()) + " parameters of '" + kernel.name + "' have no value",
                        kernel.signature);
    }
    parameters = unbound;
    for (std::size_t c = 0; c < width; ++c) columns.push_back(c);
  }
  bundle::PackWriter& pack = open(parameters);
  base::Bytes value;
  for (std::uint64_t row = 0; row < array.rows(); ++row) {
    for (std::uint32_t p = 0; p < parameters.size(); ++p) {
      value.clear();
      const auto& parameter = kernel.parameters[parameters[p]];
      const std::string why = array.encode_cell(parameter.type, row, columns[p], value);
      if (!why.empty()) {
        throw base::Error(base::ExitCode::kUsage,
                          path + " row " + std::to_string(row) + ", '" + parameter.name + "': " + why,
                          kernel.signature);
      }
      pack.append(p, value);
    }
    Signals::throw_if_asked();
    pack.end_row();
  }
  return array.sha256();
}

}  // namespace jobhost::cli
