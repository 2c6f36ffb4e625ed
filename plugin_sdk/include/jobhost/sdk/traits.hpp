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

/// Numbers that the schema has a word for; __int128 and __float128, which GNU C++ counts as arithmetic, have none.
template <class T>
concept Number =
    (std::is_integral_v<T> && sizeof(T) <= sizeof(std::uint64_t)) || std::is_same_v<const T, const float> ||
    std::is_same_v<const T, const double> || std::is_same_v<const T, const long double>;
template <class T>
concept Scalar = Number<T> ||(std::is_enum_v<T> && sizeof(T) <= sizeof(std::uint64_t));

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
concept Unordered = requires {
  typename T::hasher;
  typename T::key_equal;
};
template <class T>
concept Associative = Unordered<T> || requires {
  typename T::key_type;
  typename T::key_compare;
};
template <class T>
concept Map = Associative<T> && requires {
  typename T::mapped_type;
};
template <class T>
concept Set = Associative<T> && !Map<T>;

template <class T>
concept Complex = requires(const T t) {
  typename T::value_type;
  t.real();
  t.imag();
}
&&!requires { T::RowsAtCompileTime; };

/// std::chrono::duration: travels as its count.
template <class T>
concept Duration = requires(const T t) {
  typename T::rep;
  typename T::period;
  t.count();
};

/// std::filesystem::path: travels as its text.
template <class T>
concept Path = requires(const T t) {
  t.native();
  t.root_directory();
  t.is_absolute();
};

template <class T>
concept UniquePointer = requires(T t) {
  typename T::deleter_type;
  t.release();
}
&&!std::is_array_v<typename T::element_type>;

template <class T>
concept Variant = requires(const T t) {
  t.index();
  t.valueless_by_exception();
};

/// Dense Eigen matrices, vectors and arrays that own their values.
template <class T>
concept Matrix = requires(T t) {
  typename T::Scalar;
  T::RowsAtCompileTime;
  T::ColsAtCompileTime;
  t.coeffRef(0, 0);
}
&&std::is_same_v<typename T::PlainObject, T>;
template <class T>
concept Row = Matrix<T> &&(T::RowsAtCompileTime == 1 || T::ColsAtCompileTime == 1);

/// Eigen::Map<const ...>: a matrix, vector or array whose values lie densely elsewhere.
template <class T>
concept MatrixView = requires(const T t) {
  typename T::PlainObject;
  typename T::PointerArgType;
  { t.data() } -> std::convertible_to<const typename T::Scalar*>;
}
&&!std::is_same_v<typename T::PlainObject, T> &&
    std::is_constructible_v<T, const typename T::Scalar*, std::ptrdiff_t, std::ptrdiff_t>;
template <class T>
concept RowView = MatrixView<T> &&(T::RowsAtCompileTime == 1 || T::ColsAtCompileTime == 1);

/// What cereal.hpp serves, which the generated code includes when the user's file includes cereal.
template <class T>
struct ByCereal {
  static constexpr bool kServes = false;
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
constexpr bool takes_initialisers(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyField<T>{})...}; };
}
template <class T, std::size_t... I, std::size_t... Inner, std::size_t... J>
constexpr bool takes_braces(std::index_sequence<I...>, std::index_sequence<Inner...>, std::index_sequence<J...>) {
  return requires {
    T{(static_cast<void>(I), AnyField<T>{})...,
      {(static_cast<void>(Inner), AnyField<T>{})...},
      (static_cast<void>(J), AnyField<T>{})...};
  };
}
/// `Before` values, `Inner` values in braces, `After` values.
template <class T, std::size_t Before, std::size_t Inner, std::size_t After>
constexpr bool takes() {
  return takes_braces<T>(std::make_index_sequence<Before>{}, std::make_index_sequence<Inner>{},
                         std::make_index_sequence<After>{});
}

/// How many values initialise T without inner braces: an array counts all its elements.
template <class T, std::size_t N>
constexpr std::size_t count_initialisers() {
  if constexpr (N == 0) {
    return 0;
  } else if constexpr (takes_initialisers<T>(std::make_index_sequence<N>{})) {
    if constexpr (N >= kMaxFields && N < sizeof(T)) {
      constexpr bool kMore = takes_initialisers<T>(std::make_index_sequence<N + 1>{});
      if constexpr (kMore) return count_initialisers<T, N + 1>();
    }
    return N;
  } else {
    return count_initialisers<T, N - 1>();
  }
}

/// Initialisers of the array at `Position`, found by how many are left behind its braces.
template <class T, std::size_t Position, std::size_t Total, std::size_t After>
constexpr std::size_t array_initialisers() {
  if constexpr (After == 0 || takes<T, Position, 1, After>()) {
    return Total - Position - After;
  } else {
    return array_initialisers<T, Position, Total, After - 1>();
  }
}

/// Fields from initialiser `Position` on. Two values in braces followed by one value for each initialiser but one are
/// too many exactly when the braces stand for an array of two or more elements.
template <class T, std::size_t Position, std::size_t Total>
constexpr std::size_t count_fields_from() {
  if constexpr (Position >= Total) {
    return 0;
  } else if constexpr (Total - Position >= 2 && takes<T, Position, 2, 0>() &&
                       !takes<T, Position, 2, Total - Position - 1>()) {
    return 1 + count_fields_from<T, Position + array_initialisers<T, Position, Total, Total - Position - 2>(), Total>();
  } else {
    return 1 + count_fields_from<T, Position + 1, Total>();
  }
}

template <class T>
inline constexpr std::size_t kInitialisers = count_initialisers<T, (sizeof(T) < kMaxFields ? sizeof(T) : kMaxFields)>();

template <class T>
constexpr std::size_t count_fields() {
  if constexpr (std::is_empty_v<T>) {
    return 0;
  } else {
    return count_fields_from<T, 0, kInitialisers<T>>();
  }
}

template <class T>
concept PlainAggregate =
    std::is_class_v<T> && std::is_aggregate_v<T> && !HasTupleSize<T> && !CharacterRange<T> && !std::is_polymorphic_v<T>;

/// True for a base class that structured bindings of a class derived from it see through.
template <class Base, class Aggregate>
constexpr bool is_only_field() {
  if constexpr (kInitialisers<Aggregate> == 1 && PlainAggregate<Base>) {
    return count_fields<Base>() == 1;
  } else {
    return false;
  }
}
template <class Base, class Aggregate>
concept Inherited =
    !std::is_same_v<Base, Aggregate> && std::is_base_of_v<Base, Aggregate> && !is_only_field<Base, Aggregate>();

/// Becomes any other base class, and nothing else.
template <class Aggregate>
struct AnyBase {
  template <class T>
  requires(Inherited<T, Aggregate>) operator T&() const& noexcept;
  template <class T>
  requires(Inherited<T, Aggregate> && !std::is_copy_constructible_v<T>) operator T&&() const&& noexcept;
};
/// What only a field takes that is made of whatever there is.
struct Nothing {};

/// True when structured bindings see what initialises T: it has no base class with fields beside its own, and no
/// anonymous union, which no value initialises but empty braces do.
template <class T>
constexpr bool decomposes() {
  if constexpr (std::is_empty_v<T>) {
    return true;
  } else if constexpr (kInitialisers<T> == 0 || takes<T, kInitialisers<T>, 0, 0>()) {
    return false;
  } else {
    constexpr bool kTakesBase = requires { T{AnyBase<T>{}}; };
    constexpr bool kTakesAll = requires { T{Nothing{}}; };
    return !kTakesBase || kTakesAll;
  }
}

// --- which types travel
// -----------------------------------------------------------------------------------------------

template <class T>
struct Fields;  // fields.hpp

/// `Outer`: the classes that T is a part of; one that has itself among its parts has no end in the schema.
template <class T, class... Outer>
constexpr bool value_travels();

template <class T, class... Outer, std::size_t... I>
constexpr bool elements_travel(std::index_sequence<I...>) {
  return (value_travels<Plain<std::tuple_element_t<I, T>>, Outer...>() && ...);
}

}  // namespace jobhost::sdk
