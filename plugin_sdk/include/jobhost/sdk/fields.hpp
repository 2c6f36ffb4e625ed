#pragma once

#include "jobhost/sdk/traits.hpp"

/// The fields of a plain aggregate: how many, their types, their names, and calls with all of them.
namespace jobhost::sdk {

/// What is had of fields that nothing can refer to: some are bit-fields.
struct NoFields {};

#if defined(__clang__) && __clang_major__ < 16  // refuses to name bindings in a requirement
#define JOBHOST_REFERS(...) true
#else
#define JOBHOST_REFERS(...) \
  requires { use(__VA_ARGS__); }
#endif
#define JOBHOST_USE(...)                       \
  auto& [__VA_ARGS__] = record;                \
  if constexpr (JOBHOST_REFERS(__VA_ARGS__)) { \
    return use(__VA_ARGS__);                   \
  } else {                                     \
    return NoFields();                         \
  }

/// Calls `use(field...)` with references to the fields of `record`, in order.
template <class T, class Use>
constexpr decltype(auto) with_fields(T& record, Use&& use) {
  constexpr std::size_t kCount = count_fields<std::remove_cv_t<T>>();
  static_assert(kCount <= kMaxFields);
  if constexpr (kCount == 0) {
    return use();
  } else if constexpr (kCount == 1) {
    JOBHOST_USE(f1)
  } else if constexpr (kCount == 2) {
    JOBHOST_USE(f1, f2)
  } else if constexpr (kCount == 3) {
    JOBHOST_USE(f1, f2, f3)
  } else if constexpr (kCount == 4) {
    JOBHOST_USE(f1, f2, f3, f4)
  } else if constexpr (kCount == 5) {
    JOBHOST_USE(f1, f2, f3, f4, f5)
  } else if constexpr (kCount == 6) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6)
  } else if constexpr (kCount == 7) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7)
  } else if constexpr (kCount == 8) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8)
  } else if constexpr (kCount == 9) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9)
  } else if constexpr (kCount == 10) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10)
  } else if constexpr (kCount == 11) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11)
  } else if constexpr (kCount == 12) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12)
  } else if constexpr (kCount == 13) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13)
  } else if constexpr (kCount == 14) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14)
  } else if constexpr (kCount == 15) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15)
  } else if constexpr (kCount == 16) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16)
  } else if constexpr (kCount == 17) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17)
  } else if constexpr (kCount == 18) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18)
  } else if constexpr (kCount == 19) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19)
  } else if constexpr (kCount == 20) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20)
  } else if constexpr (kCount == 21) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21)
  } else if constexpr (kCount == 22) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22)
  } else if constexpr (kCount == 23) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23)
  } else if constexpr (kCount == 24) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24)
  } else if constexpr (kCount == 25) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24, f25)
  } else if constexpr (kCount == 26) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24, f25, f26)
  } else if constexpr (kCount == 27) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24, f25, f26, f27)
  } else if constexpr (kCount == 28) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24, f25, f26, f27, f28)
  } else if constexpr (kCount == 29) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24, f25, f26, f27, f28, f29)
  } else if constexpr (kCount == 30) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24, f25, f26, f27, f28, f29, f30)
  } else if constexpr (kCount == 31) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24, f25, f26, f27, f28, f29, f30, f31)
  } else if constexpr (kCount == 32) {
    JOBHOST_USE(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22,
                f23, f24, f25, f26, f27, f28, f29, f30, f31, f32)
  }
}
#undef JOBHOST_USE
#undef JOBHOST_REFERS

template <class... T>
struct TypeList {
  static constexpr std::size_t kCount = sizeof...(T);
};

template <class T>
using FieldTypes =
    decltype(with_fields(std::declval<T&>(), [](auto&... field) { return TypeList<Plain<decltype(field)>...>{}; }));

// The compiler spells the address of a field with the field's name in it.
template <class T>
struct Holder {
  T value;
};
template <class T>
extern const Holder<T> nowhere;

struct Name {
  const char* text;
  std::size_t size;
};

template <auto Pointer>
consteval Name name_behind_pointer() {
  const char* text = __PRETTY_FUNCTION__;
  std::size_t end = 0, begin = 0;
  while (text[end] != '\0') ++end;
  while (end > 0 && (text[end - 1] == ']' || text[end - 1] == ')')) --end;
  for (std::size_t i = 0; i < end; ++i) {
    const char c = text[i];
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!word) begin = i + 1;
  }
  return {text + begin, end - begin};
}

template <class... T>
struct Pointers;
template <>
struct Pointers<> {};
template <class First, class... Rest>
struct Pointers<First, Rest...> {
  const First* first;
  Pointers<Rest...> rest;
};
constexpr Pointers<> pointers_to() { return {}; }
template <class First, class... Rest>
constexpr Pointers<First, Rest...> pointers_to(const First& first, const Rest&... rest) {
  return {&first, pointers_to(rest...)};
}
template <std::size_t I, class P>
constexpr auto pointer(const P& pointers) {
  if constexpr (I == 0) {
    return pointers.first;
  } else {
    return pointer<I - 1>(pointers.rest);
  }
}

template <class T, std::size_t I>
consteval Name field_name() {
  constexpr auto pointers = with_fields(nowhere<T>.value, [](const auto&... field) { return pointers_to(field...); });
  return name_behind_pointer<pointer<I>(pointers)>();
}

template <class... Outer, class... T>
constexpr bool all_travel(TypeList<T...>) {
  return (value_travels<T, Outer...>() && ...);
}
template <class... Outer>
constexpr bool all_travel(NoFields) {
  return false;
}

/// True for aggregates that travel as their fields; others may still be served by cereal.
template <class T, class... Outer>
constexpr bool fields_travel() {
  if constexpr (PlainAggregate<T>) {
    if constexpr (!decomposes<T>() || count_fields<T>() > kMaxFields) {
      return false;
    } else {
      return all_travel<T, Outer...>(FieldTypes<T>{});
    }
  } else {
    return false;
  }
}

template <template <class...> class V, class... A>
TypeList<A...> alternatives_of(const V<A...>&);
template <class T>
using Alternatives = decltype(alternatives_of(std::declval<const T&>()));

/// Elements of an array of fixed length; the host takes no longer ones for sound.
constexpr std::size_t kMostElements = 1 << 20;

template <class T>
constexpr std::size_t least_size();  // codec.hpp

/// True when lists of T travel: the host measures them by the bytes of their elements, so these must have some.
template <class T, class... Outer>
constexpr bool items_travel() {
  if constexpr (value_travels<T, Outer...>()) {
    return least_size<T>() != 0;
  } else {
    return false;
  }
}
template <class Key, class Mapped, class... Outer>
constexpr bool entries_travel() {
  if constexpr (value_travels<Key, Outer...>() && value_travels<Mapped, Outer...>()) {
    return least_size<Key>() + least_size<Mapped>() != 0;
  } else {
    return false;
  }
}

/// True when values of T can be sent and received whole.
template <class T, class... Outer>
constexpr bool value_travels() {
  if constexpr (std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> || std::is_same_v<T, char16_t> ||
                std::is_same_v<T, char32_t>) {
    return false;
  } else if constexpr (Scalar<T>) {
    return true;
  } else if constexpr (std::is_bounded_array_v<T>) {
    return std::extent_v<T> <= kMostElements && items_travel<std::remove_cv_t<std::remove_extent_t<T>>, Outer...>();
  } else if constexpr (std::is_pointer_v<T> || std::is_reference_v<T> || std::is_array_v<T> || std::is_union_v<T>) {
    return false;
  } else if constexpr (!std::is_class_v<T> || !std::is_default_constructible_v<T> ||
                       (std::is_same_v<T, Outer> || ...)) {
    return false;
  } else if constexpr (String<T> || Path<T>) {
    return true;
  } else if constexpr (Duration<T>) {
    return value_travels<typename T::rep>();
  } else if constexpr (UniquePointer<T>) {
    return !std::is_polymorphic_v<typename T::element_type> && value_travels<typename T::element_type, T, Outer...>();
  } else if constexpr (Variant<T>) {
    return all_travel<T, Outer...>(Alternatives<T>{});
  } else if constexpr (Matrix<T>) {
    return Number<typename T::Scalar> || (Complex<typename T::Scalar> && value_travels<typename T::Scalar>());
  } else if constexpr (Set<T>) {
    return items_travel<typename T::key_type, T, Outer...>();
  } else if constexpr (CharacterRange<T> || Span<T> || MatrixView<T>) {
    return false;
  } else if constexpr (Map<T>) {
    return entries_travel<typename T::key_type, typename T::mapped_type, T, Outer...>();
  } else if constexpr (StdArray<T>) {
    return std::tuple_size_v<T> <= kMostElements && items_travel<Plain<typename T::value_type>, T, Outer...>();
  } else if constexpr (Sequence<T>) {
    return items_travel<Plain<typename T::value_type>, T, Outer...>();
  } else if constexpr (Optional<T> || Complex<T>) {
    return value_travels<Plain<typename T::value_type>, T, Outer...>();
  } else if constexpr (TupleLike<T>) {
    return elements_travel<T, T, Outer...>(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    return fields_travel<T, Outer...>() || ByCereal<T>::kServes;
  }
}

}  // namespace jobhost::sdk
