#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

/// What a type is, by its shape. No header of a container is included: the user's file brings those it uses, and
/// kernels that use none pay for none.
namespace jobhost::sdk {

template <class T>
using Plain = std::remove_cv_t<std::remove_reference_t<T>>;

template <class T>
concept Scalar = std::is_arithmetic_v<T> || std::is_enum_v<T>;

template <class T>
concept CharacterRange = requires {
  typename T::traits_type;
}
&&std::is_same_v<typename T::value_type, char>;

template <class T>
concept String = CharacterRange<T> && requires(T t) {
  t.reserve(1);
};
template <class T>
concept StringView = CharacterRange<T> && requires(T t) {
  t.remove_prefix(1);
};

template <class T>
concept Map = requires {
  typename T::mapped_type;
  typename T::key_compare;
};

/// vector, deque, list
template <class T>
concept Sequence = !CharacterRange<T> && requires(T t) {
  typename T::value_type;
  t.resize(1);
  t.push_back(std::declval<typename T::value_type>());
  t.begin();
};

template <class T>
concept HasTupleSize = requires {
  std::tuple_size<T>::value;
};
template <class T>
concept StdArray = HasTupleSize<T> && requires(T t) {
  t.data();
  t.fill(t[0]);
};
template <class T>
concept TupleLike = HasTupleSize<T> && !StdArray<T>;

template <class T>
concept Optional = requires(T t) {
  typename T::value_type;
  t.has_value();
  t.reset();
  t.value();
}
&&!Sequence<T>;

/// span<const T> of any extent known at run time
template <class T>
concept Span = requires(T t) {
  typename T::element_type;
  t.size_bytes();
  t.subspan(0);
}
&&(T::extent == static_cast<std::size_t>(-1));

// --- plain aggregates
// -------------------------------------------------------------------------------------------------

template <class Aggregate>
struct AnyField {
  template <class T>
  requires(!std::is_same_v<Plain<T>, Aggregate>) operator T&() const& noexcept;
  template <class T>
  requires(!std::is_same_v<Plain<T>, Aggregate> && !std::is_copy_constructible_v<T>) operator T&&() const&& noexcept;
};

inline constexpr std::size_t kMaxFields = 32;

template <class T, std::size_t... I>
constexpr bool takes_fields(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyField<T>{})...}; };
}

template <class T, std::size_t N = kMaxFields>
constexpr std::size_t count_fields() {
  if constexpr (N == 0) {
    return 0;
  } else if constexpr (takes_fields<T>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return count_fields<T, N - 1>();
  }
}

template <class T>
concept PlainAggregate =
    std::is_class_v<T> && std::is_aggregate_v<T> && !HasTupleSize<T> && !CharacterRange<T> && !std::is_polymorphic_v<T>;

// --- which types travel
// -----------------------------------------------------------------------------------------------

template <class T>
struct Fields;  // fields.hpp

template <class T>
constexpr bool value_travels();

template <class T, std::size_t... I>
constexpr bool elements_travel(std::index_sequence<I...>) {
  return (value_travels<Plain<std::tuple_element_t<I, T>>>() && ...);
}

}  // namespace jobhost::sdk
