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
  } else if constexpr (std::is_bounded_array_v<T>) {
    return std::extent_v<T> * fixed_size<std::remove_cv_t<std::remove_extent_t<T>>>();
  } else if constexpr (Duration<T>) {
    return fixed_size<typename T::rep>();
  } else if constexpr (Complex<T>) {
    return 2 * fixed_size<typename T::value_type>();
  } else if constexpr (Matrix<T>) {
    return T::RowsAtCompileTime > 0 && T::ColsAtCompileTime > 0
               ? static_cast<std::size_t>(T::RowsAtCompileTime * T::ColsAtCompileTime) *
                     fixed_size<typename T::Scalar>()
               : 0;
  } else if constexpr (StdArray<T>) {
    return std::tuple_size_v<T> * fixed_size<Plain<typename T::value_type>>();
  } else if constexpr (TupleLike<T>) {
    return tuple_size_in_bytes<T>(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (fields_travel<T>()) {
    return sum_of_sizes(FieldTypes<T>{});
  } else {
    return 0;
  }
}

template <class T>
constexpr std::size_t least_size();

template <class... T>
constexpr std::size_t sum_of_least_sizes(TypeList<T...>) {
  return (least_size<T>() + ... + 0);
}
template <class T, std::size_t... I>
constexpr std::size_t least_tuple_size(std::index_sequence<I...>) {
  return sum_of_least_sizes(TypeList<Plain<std::tuple_element_t<I, T>>...>{});
}

/// Bytes that every value of T has at least: how many values there can be in the bytes that remain.
template <class T>
constexpr std::size_t least_size() {
  if constexpr (fixed_size<T>() != 0) {
    return fixed_size<T>();
  } else if constexpr (std::is_bounded_array_v<T>) {
    return std::extent_v<T> * least_size<std::remove_cv_t<std::remove_extent_t<T>>>();
  } else if constexpr (StdArray<T>) {
    return std::tuple_size_v<T> * least_size<Plain<typename T::value_type>>();
  } else if constexpr (TupleLike<T>) {
    return least_tuple_size<T>(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (Optional<T> || UniquePointer<T>) {
    return 1;
  } else if constexpr (Variant<T>) {
    return sizeof(std::int32_t);
  } else if constexpr (!String<T> && !Path<T> && !Matrix<T> && !Associative<T> && !Sequence<T> && fields_travel<T>()) {
    return sum_of_least_sizes(FieldTypes<T>{});
  } else {
    return sizeof(std::uint64_t);  // the length
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

/// Writes nothing, and says how many bytes that were.
class CountingWriter {
 public:
  void bytes(const void*, std::uint64_t size) { size_ += size; }
  std::uint64_t size() const { return size_; }

 private:
  std::uint64_t size_ = 0;
};

template <class Writer, class T>
void encode(Writer& writer, const T& value);

template <class Writer>
void encode_size(Writer& writer, std::uint64_t size) {
  writer.bytes(&size, sizeof size);
}

/// Rows of values; a row or column vector is one list. Sizes known to the compiler are not written.
template <class Writer, class T>
void encode_matrix(Writer& writer, const T& value) {
  if constexpr (Row<T>) {
    if constexpr (fixed_size<T>() == 0) encode_size(writer, static_cast<std::uint64_t>(value.size()));
    for (auto i = value.size() - value.size(); i < value.size(); ++i) encode(writer, value.coeff(i));
  } else {
    if constexpr (fixed_size<T>() == 0) encode_size(writer, static_cast<std::uint64_t>(value.rows()));
    for (auto row = value.rows() - value.rows(); row < value.rows(); ++row) {
      if constexpr (fixed_size<T>() == 0) encode_size(writer, static_cast<std::uint64_t>(value.cols()));
      for (auto col = value.cols() - value.cols(); col < value.cols(); ++col) encode(writer, value.coeff(row, col));
    }
  }
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
  } else if constexpr (std::is_bounded_array_v<T>) {
    for (const auto& item : value) encode(writer, item);
  } else if constexpr (String<T>) {
    encode_size(writer, value.size());
    writer.bytes(value.data(), value.size());
  } else if constexpr (Path<T>) {
    encode(writer, value.native());
  } else if constexpr (Duration<T>) {
    encode(writer, value.count());
  } else if constexpr (Complex<T>) {
    encode(writer, value.real());
    encode(writer, value.imag());
  } else if constexpr (UniquePointer<T>) {
    encode(writer, value != nullptr);
    if (value != nullptr) encode(writer, *value);
  } else if constexpr (Variant<T>) {
    encode(writer, static_cast<std::int32_t>(value.index()));
    visit([&](const auto& held) { encode(writer, held); }, value);
  } else if constexpr (Matrix<T>) {
    encode_matrix(writer, value);
  } else if constexpr (Set<T>) {
    encode_size(writer, value.size());
    for (const auto& key : value) encode(writer, key);
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
  } else if constexpr (fields_travel<T>()) {
    with_fields(value, [&](const auto&... field) { (encode(writer, field), ...); });
  } else {
    encode(writer, ByCereal<T>::to_json(value));
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
  /// How many values of at least `least` bytes follow. Checked before there is memory for them.
  std::uint64_t count(std::size_t least) {
    const std::uint64_t n = size();
    if (n > left_ / (least != 0 ? least : 1)) throw MalformedInput();
    return n;
  }
  std::uint64_t left() const { return left_; }

 private:
  const unsigned char* data_;
  std::uint64_t left_;
};

template <class T>
void decode(Reader& reader, T& value);

/// True when the items can stand in this order in a hash table of so many buckets: each bucket's items side by side.
template <class T, class Item>
bool order_fits(const T& container, const Item* items, std::uint64_t count, std::size_t buckets) {
  struct Seen {
    unsigned char* at;
    explicit Seen(std::size_t n) : at(static_cast<unsigned char*>(::operator new(n))) { __builtin_memset(at, 0, n); }
    ~Seen() { ::operator delete(at); }
  } seen(buckets);
  std::size_t last = buckets;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::size_t bucket;
    if constexpr (Map<T>) {
      bucket = container.hash_function()(items[i].first) % buckets;
    } else {
      bucket = container.hash_function()(items[i]) % buckets;
    }
    if (bucket != last && seen.at[bucket] != 0) return false;
    seen.at[bucket] = 1;
    last = bucket;
  }
  return true;
}

/// Elements of a container without order, which must come back in the order they were sent in: a sum over them must
/// not change. libstdc++ puts the first element of a bucket at the front of the whole list, and later ones at the front
/// of their bucket; so inserting backwards gives the order, if the number of buckets is the sender's. That is found by
/// trying: first the sizes a container takes that grows by itself, then all others up to 32 times the elements.
template <class T, class Item>
void insert_in_order(T& container, const Item* items, std::uint64_t count) {
  T sizes;
  std::size_t buckets = 0;
  const auto find = [&](std::size_t first, auto next) {
    for (std::size_t n = first; buckets == 0 && n <= 32 * (count + 1); n = next()) {
      sizes.rehash(n);
      const std::size_t size = sizes.bucket_count();
      if (size >= count && order_fits(container, items, count, size)) buckets = size;
    }
  };
  find(12, [&] { return 2 * sizes.bucket_count(); });
  if (buckets == 0) {
    sizes = T();
    find(count, [&] { return sizes.bucket_count() + 1; });
  }
  container.rehash(buckets != 0 ? buckets : count);
  for (std::uint64_t i = count; i > 0; --i) container.insert(items[i - 1]);
}

template <class T>
void decode_associative(Reader& reader, T& value) {
  using Key = typename T::key_type;
  std::uint64_t count;
  if constexpr (Map<T>) {
    count = reader.count(least_size<Key>() + least_size<typename T::mapped_type>());
  } else {
    count = reader.count(least_size<Key>());
  }
  const auto next = [&reader]() {
    Key key{};
    decode(reader, key);
    if constexpr (Map<T>) {
      typename T::mapped_type mapped{};
      decode(reader, mapped);
      return typename T::value_type(static_cast<Key&&>(key), static_cast<typename T::mapped_type&&>(mapped));
    } else {
      return key;
    }
  };
  using Item = typename T::value_type;
  constexpr bool kReordered = Unordered<T> && std::is_copy_constructible_v<Item>;
  if constexpr (kReordered) {
    struct Items {
      Item* first;
      std::uint64_t count = 0;
      explicit Items(std::uint64_t n) : first(static_cast<Item*>(::operator new(n * sizeof(Item)))) {}
      ~Items() {
        while (count > 0) first[--count].~Item();
        ::operator delete(first);
      }
    } items(count);
    for (; items.count < count; ++items.count) ::new (static_cast<void*>(items.first + items.count)) Item(next());
    insert_in_order(value, items.first, count);
  } else {
    for (std::uint64_t i = 0; i < count; ++i) value.emplace_hint(value.end(), next());
  }
}

template <class T>
void decode_matrix(Reader& reader, T& value) {
  constexpr bool kDynamic = fixed_size<T>() == 0;
  constexpr std::size_t kItem = fixed_size<typename T::Scalar>();
  auto rows = value.rows(), cols = value.cols();
  const auto count = [&](std::size_t least) { return static_cast<decltype(rows)>(reader.count(least)); };
  if constexpr (Row<T>) {
    if constexpr (kDynamic) value.resize(count(kItem));
    for (auto i = rows - rows; i < value.size(); ++i) decode(reader, value.coeffRef(i));
  } else {
    if constexpr (kDynamic) rows = count(sizeof(std::uint64_t));
    for (auto row = rows - rows; row < rows; ++row) {
      if constexpr (kDynamic) {
        const auto n = count(kItem);
        if (row == 0) {
          // All rows are as long as the first.
          const std::uint64_t bytes = static_cast<std::uint64_t>(n) * kItem;
          const auto others = static_cast<std::uint64_t>(rows) - 1;
          if (others > (reader.left() - bytes) / (bytes + sizeof(std::uint64_t))) throw MalformedInput();
          cols = n;
          value.resize(rows, cols);
        }
        if (n != cols) throw MalformedInput();
      }
      for (auto col = cols - cols; col < cols; ++col) decode(reader, value.coeffRef(row, col));
    }
  }
}

template <class T, std::size_t... I>
void decode_alternative(Reader& reader, T& value, std::int32_t index, std::index_sequence<I...>) {
  const bool known =
      ((index == static_cast<std::int32_t>(I) ? (decode(reader, value.template emplace<I>()), true) : false) || ...);
  if (!known) throw MalformedInput();
}

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
  } else if constexpr (std::is_bounded_array_v<T>) {
    for (auto& item : value) decode(reader, item);
  } else if constexpr (String<T>) {
    const std::uint64_t size = reader.size();
    value.assign(reinterpret_cast<const char*>(reader.take(size)), size);
  } else if constexpr (Path<T>) {
    typename T::string_type text;
    decode(reader, text);
    value = T(static_cast<typename T::string_type&&>(text));
  } else if constexpr (Duration<T>) {
    typename T::rep count{};
    decode(reader, count);
    value = T(count);
  } else if constexpr (Complex<T>) {
    typename T::value_type real{}, imaginary{};
    decode(reader, real);
    decode(reader, imaginary);
    value = T(real, imaginary);
  } else if constexpr (UniquePointer<T>) {
    bool held = false;
    decode(reader, held);
    value.reset(held ? new typename T::element_type() : nullptr);
    if (held) decode(reader, *value);
  } else if constexpr (Variant<T>) {
    std::int32_t index = 0;
    decode(reader, index);
    decode_alternative(reader, value, index, std::make_index_sequence<Alternatives<T>::kCount>{});
  } else if constexpr (Matrix<T>) {
    decode_matrix(reader, value);
  } else if constexpr (Associative<T>) {
    decode_associative(reader, value);
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
    const std::uint64_t size = reader.count(least_size<Item>());
    if constexpr (std::is_same_v<Item, bool>) {
      value.resize(size);
      for (auto&& item : value) item = *reader.take(1) != 0;
    } else if constexpr (std::is_arithmetic_v<Item> && requires { value.data(); }) {
      const unsigned char* const from = reader.take(size * sizeof(Item));
      if (reinterpret_cast<std::uintptr_t>(from) % alignof(Item) == 0) {
        const auto* const items = reinterpret_cast<const Item*>(from);
        value.assign(items, items + size);  // written once; resize would clear it first
      } else {
        value.resize(size);
        if (size > 0) __builtin_memcpy(value.data(), from, size * sizeof(Item));
      }
    } else {
      value.resize(size);
      for (auto& item : value) decode(reader, item);
    }
  } else if constexpr (TupleLike<T>) {
    decode_tuple(reader, value, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (fields_travel<T>()) {
    with_fields(value, [&](auto&... field) { (decode(reader, field), ...); });
  } else {
    const std::uint64_t size = reader.size();
    ByCereal<T>::from_json(reinterpret_cast<const char*>(reader.take(size)), size, value);
  }
}

}  // namespace jobhost::sdk
