#pragma once

#include <new>

#include "jobhost/sdk/abi.h"
#include "jobhost/sdk/fields.hpp"

/// Values to and from bytes, at the speed of memory. The bytes equal those of cereal's BinaryOutputArchive for every
/// type that cereal serialises; plain aggregates are their fields in order.
namespace jobhost::sdk {

/// Thrown (as this type) when encoded input does not hold what its type says; the host checks inputs before, so this
/// means damage.
struct MalformedInput {};

// --- sizes
// ------------------------------------------------------------------------------------------------------------

/// Bytes of every value of T, or 0 when values differ in size.
template <class T>
constexpr std::size_t fixed_size();

template <class... T>
constexpr std::size_t sum_of_sizes(TypeList<T...>) {
  return ((fixed_size<T>() != 0) && ...) ? (fixed_size<T>() + ... + 0) : 0;
}
template <class T, std::size_t... I>
constexpr std::size_t tuple_size_in_bytes(std::index_sequence<I...>) {
  return sum_of_sizes(TypeList<Plain<std::tuple_element_t<I, T>>...>{});
}

template <class T>
constexpr std::size_t fixed_size() {
  if constexpr (std::is_same_v<T, bool>) {
    return 1;
  } else if constexpr (Scalar<T>) {
    return sizeof(T);
  } else if constexpr (StdArray<T>) {
    return std::tuple_size_v<T> * fixed_size<Plain<typename T::value_type>>();
  } else if constexpr (TupleLike<T>) {
    return tuple_size_in_bytes<T>(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (PlainAggregate<T>) {
    return sum_of_sizes(FieldTypes<T>{});
  } else {
    return 0;
  }
}

// --- encoding
// ---------------------------------------------------------------------------------------------------------

/// Writes behind what the sink already holds, growing it as needed.
class SinkWriter {
 public:
  explicit SinkWriter(jobhost_sink& sink) : sink_(sink) {}
  unsigned char* claim(std::uint64_t size) {
    const std::uint64_t end = sink_.used + size;
    if (end > sink_.capacity) grow(end);
    unsigned char* place = sink_.data + sink_.used;
    sink_.used = end;
    return place;
  }
  void bytes(const void* from, std::uint64_t size) {
    if (size > 0) __builtin_memcpy(claim(size), from, size);
  }

 private:
  [[gnu::cold, gnu::noinline]] void grow(std::uint64_t wanted) {
    if (sink_.grow(&sink_, wanted) != 0) throw std::bad_alloc();
  }
  jobhost_sink& sink_;
};

/// Writes to memory that is known to be large enough.
class MemoryWriter {
 public:
  explicit MemoryWriter(unsigned char* place) : place_(place) {}
  void bytes(const void* from, std::uint64_t size) {
    __builtin_memcpy(place_, from, size);
    place_ += size;
  }

 private:
  unsigned char* place_;
};

template <class Writer, class T>
void encode(Writer& writer, const T& value);

template <class Writer>
void encode_size(Writer& writer, std::uint64_t size) {
  writer.bytes(&size, sizeof size);
}

template <class Writer, class T, std::size_t... I>
void encode_tuple(Writer& writer, const T& value, std::index_sequence<I...>) {
  using std::get;
  (encode(writer, get<I>(value)), ...);
}

template <class Writer, class T>
void encode(Writer& writer, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    const unsigned char byte = value ? 1 : 0;
    writer.bytes(&byte, 1);
  } else if constexpr (std::is_same_v<T, long double>) {
    unsigned char raw[sizeof(long double)] = {};
    __builtin_memcpy(raw, &value, 10);  // the x87 format has 80 bits; the padding would be whatever was in memory
    writer.bytes(raw, sizeof raw);
  } else if constexpr (Scalar<T>) {
    writer.bytes(&value, sizeof value);
  } else if constexpr (String<T>) {
    encode_size(writer, value.size());
    writer.bytes(value.data(), value.size());
  } else if constexpr (Map<T>) {
    encode_size(writer, value.size());
    for (const auto& [key, mapped] : value) {
      encode(writer, key);
      encode(writer, mapped);
    }
  } else if constexpr (Optional<T>) {
    encode(writer, !value.has_value());
    if (value.has_value()) encode(writer, *value);
  } else if constexpr (StdArray<T>) {
    for (const auto& item : value) encode(writer, item);
  } else if constexpr (Sequence<T>) {
    encode_size(writer, value.size());
    using Item = typename T::value_type;
    constexpr bool kRaw = std::is_arithmetic_v<Item> && !std::is_same_v<Item, long double>;
    if constexpr (kRaw && requires { value.data(); }) {
      writer.bytes(value.data(), value.size() * sizeof(Item));
    } else {
      for (const auto& item : value) encode(writer, static_cast<const Item&>(item));
    }
  } else if constexpr (TupleLike<T>) {
    encode_tuple(writer, value, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    with_fields(value, [&](const auto&... field) { (encode(writer, field), ...); });
  }
}

// --- decoding
// ---------------------------------------------------------------------------------------------------------

class Reader {
 public:
  Reader(const unsigned char* data, std::uint64_t size) : data_(data), left_(size) {}
  const unsigned char* take(std::uint64_t size) {
    if (size > left_) throw MalformedInput();
    const unsigned char* place = data_;
    data_ += size;
    left_ -= size;
    return place;
  }
  std::uint64_t size() {
    std::uint64_t value;
    __builtin_memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  std::uint64_t left() const { return left_; }

 private:
  const unsigned char* data_;
  std::uint64_t left_;
};

template <class T>
void decode(Reader& reader, T& value);

template <class T, std::size_t... I>
void decode_tuple(Reader& reader, T& value, std::index_sequence<I...>) {
  using std::get;
  (decode(reader, get<I>(value)), ...);
}

template <class T>
void decode(Reader& reader, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = *reader.take(1) != 0;
  } else if constexpr (Scalar<T>) {
    __builtin_memcpy(&value, reader.take(sizeof value), sizeof value);
  } else if constexpr (String<T>) {
    const std::uint64_t size = reader.size();
    value.assign(reinterpret_cast<const char*>(reader.take(size)), size);
  } else if constexpr (Map<T>) {
    for (std::uint64_t left = reader.size(); left > 0; --left) {
      typename T::key_type key{};
      decode(reader, key);
      typename T::mapped_type mapped{};
      decode(reader, mapped);
      value.emplace_hint(value.end(), static_cast<typename T::key_type&&>(key),
                         static_cast<typename T::mapped_type&&>(mapped));
    }
  } else if constexpr (Optional<T>) {
    bool empty = false;
    decode(reader, empty);
    if (empty) {
      value.reset();
    } else {
      decode(reader, value.emplace());
    }
  } else if constexpr (StdArray<T>) {
    for (auto& item : value) decode(reader, item);
  } else if constexpr (Sequence<T>) {
    using Item = typename T::value_type;
    const std::uint64_t size = reader.size();
    constexpr std::size_t kItem = fixed_size<Item>();
    if (kItem != 0 ? size > reader.left() / kItem : size > reader.left()) throw MalformedInput();
    if constexpr (std::is_same_v<Item, bool>) {
      value.resize(size);
      for (std::uint64_t i = 0; i < size; ++i) value[i] = *reader.take(1) != 0;
    } else if constexpr (std::is_arithmetic_v<Item> && requires { value.data(); }) {
      value.resize(size);
      if (size > 0) __builtin_memcpy(value.data(), reader.take(size * sizeof(Item)), size * sizeof(Item));
    } else {
      value.resize(size);
      for (auto& item : value) decode(reader, item);
    }
  } else if constexpr (TupleLike<T>) {
    decode_tuple(reader, value, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    with_fields(value, [&](auto&... field) { (decode(reader, field), ...); });
  }
}

}  // namespace jobhost::sdk
