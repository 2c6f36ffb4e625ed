#pragma once

#include "jobhost/sdk/codec.hpp"

/// One decoded argument: holds the value for the duration of the call and hands it over as the parameter wants it.
namespace jobhost::sdk {

template <class T>
concept CString = std::is_same_v<T, const char*>;

/// Elements of a span are read in place, so they must be of one size and have no padding to speak of.
template <class T>
constexpr bool span_travels() {
  if constexpr (Span<T>) {
    using Item = typename T::element_type;
    return std::is_const_v<Item> && Number<Plain<Item>>;
  } else {
    return false;
  }
}

/// A parameter that the kernel may change: its value after the call belongs to the result.
template <class P>
concept InOut = std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;

/// True when a parameter declared as P can be given a value that was sent: values and references of types that travel,
/// and views of text and numbers.
template <class P>
constexpr bool parameter_travels() {
  using T = Plain<P>;
  if constexpr (InOut<P>) {
    return !std::is_volatile_v<std::remove_reference_t<P>> && value_travels<T>();
  } else if constexpr (CString<T> || StringView<T>) {
    return true;
  } else if constexpr (Span<T>) {
    return span_travels<T>();
  } else if constexpr (MatrixView<T>) {
    return Number<typename T::Scalar> && !std::is_lvalue_reference_v<P>;
  } else {
    return value_travels<T>();
  }
}

template <class R>
constexpr bool result_travels() {
  return std::is_void_v<R> || value_travels<Plain<R>>();
}

/// The bytes of one value in a column.
struct Encoded {
  const unsigned char* data;
  std::uint64_t size;
};
inline Encoded value_of(const jobhost_column& column, std::uint64_t i) {
  if (column.offsets) return {column.data + column.offsets[i], column.offsets[i + 1] - column.offsets[i]};
  return {column.data + i * column.stride, column.size};
}

/// Memory for a view that cannot point into the column.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { ::operator delete(memory_); }
  unsigned char* make(std::uint64_t size) {
    memory_ = ::operator new(size);
    return static_cast<unsigned char*>(memory_);
  }

 private:
  void* memory_ = nullptr;
};

template <class P>
class Argument {
  using T = Plain<P>;

 public:
  Argument(const jobhost_column& column, std::uint64_t i) : value_{} {
    if constexpr (Scalar<T> && !std::is_same_v<T, bool>) {
      // The host checked sizes; a load at a stride is all that is left to do.
      __builtin_memcpy(&value_, column.data + i * column.stride, sizeof value_);
    } else {
      const Encoded encoded = value_of(column, i);
      Reader reader(encoded.data, encoded.size);
      decode(reader, value_);
      if (reader.left() != 0) throw MalformedInput();
    }
  }
  P get() {
    if constexpr (InOut<P>) {
      return value_;
    } else {
      return static_cast<P>(static_cast<T&&>(value_));
    }
  }
  /// What the kernel left in an in-out parameter.
  const T& value() const { return value_; }

 private:
  T value_;
};

template <class P>
requires(StringView<Plain<P>>) class Argument<P> {
 public:
  Argument(const jobhost_column& column, std::uint64_t i) {
    const Encoded encoded = value_of(column, i);
    Reader reader(encoded.data, encoded.size);
    const std::uint64_t size = reader.size();
    view_ = Plain<P>(reinterpret_cast<const char*>(reader.take(size)), size);
  }
  P get() { return static_cast<P>(static_cast<Plain<P>&&>(view_)); }

 private:
  Plain<P> view_;
};

template <class P>
requires(CString<Plain<P>>) class Argument<P> {
 public:
  Argument(const jobhost_column& column, std::uint64_t i) {
    const Encoded encoded = value_of(column, i);
    Reader reader(encoded.data, encoded.size);
    const std::uint64_t size = reader.size();
    unsigned char* text = scratch_.make(size + 1);
    __builtin_memcpy(text, reader.take(size), size);
    text[size] = '\0';
    text_ = reinterpret_cast<const char*>(text);
  }
  P get() { return static_cast<P>(static_cast<Plain<P>&&>(text_)); }

 private:
  Scratch scratch_;
  const char* text_;
};

/// So many values where they lie, or, should they not be aligned there, a copy.
template <class Item>
const Item* take_items(Reader& reader, std::uint64_t count, Scratch& scratch) {
  if (count > reader.left() / sizeof(Item)) throw MalformedInput();
  const unsigned char* items = reader.take(count * sizeof(Item));
  if (reinterpret_cast<std::uintptr_t>(items) % alignof(Item) != 0) {
    unsigned char* aligned = scratch.make(count * sizeof(Item));
    __builtin_memcpy(aligned, items, count * sizeof(Item));
    items = aligned;
  }
  return reinterpret_cast<const Item*>(items);
}

template <class P>
requires(Span<Plain<P>>) class Argument<P> {
  using Item = Plain<typename Plain<P>::element_type>;

 public:
  Argument(const jobhost_column& column, std::uint64_t i) {
    const Encoded encoded = value_of(column, i);
    Reader reader(encoded.data, encoded.size);
    const std::uint64_t size = reader.size();
    view_ = Plain<P>(take_items<Item>(reader, size, scratch_), size);
  }
  P get() { return static_cast<P>(static_cast<Plain<P>&&>(view_)); }

 private:
  Scratch scratch_;
  Plain<P> view_;
};

template <class P>
requires(MatrixView<Plain<P>>) class Argument<P> {
  using T = Plain<P>;
  using Item = typename T::Scalar;

 public:
  Argument(const jobhost_column& column, std::uint64_t i) {
    const Encoded encoded = value_of(column, i);
    Reader reader(encoded.data, encoded.size);
    if constexpr (!RowView<T>) {
      rows_ = reader.size();
      cols_ = reader.size();
    }
    const std::uint64_t count = reader.size();
    if constexpr (RowView<T>) {
      rows_ = T::RowsAtCompileTime == 1 ? 1 : count;
      cols_ = T::RowsAtCompileTime == 1 ? count : 1;
    }
    const bool overflows = cols_ != 0 && rows_ > count / cols_;
    const auto fits = [](auto fixed, std::uint64_t size) {
      return fixed < 0 || static_cast<std::uint64_t>(fixed) == size;
    };
    if (overflows || rows_ * cols_ != count || !fits(static_cast<std::ptrdiff_t>(T::RowsAtCompileTime), rows_) ||
        !fits(static_cast<std::ptrdiff_t>(T::ColsAtCompileTime), cols_)) {
      throw MalformedInput();
    }
    items_ = take_items<Item>(reader, count, scratch_);
  }
  P get() { return T(items_, static_cast<std::ptrdiff_t>(rows_), static_cast<std::ptrdiff_t>(cols_)); }

 private:
  Scratch scratch_;
  std::uint64_t rows_ = 0, cols_ = 0;
  const Item* items_ = nullptr;
};

}  // namespace jobhost::sdk
