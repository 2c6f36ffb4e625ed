#pragma once

#include <concepts>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "jobhost/detail/globals.hpp"
#include "jobhost/detail/runtime.hpp"
#include "jobhost/sdk/random.hpp"
#include "jobhost/sdk/schema.hpp"

/// How a callable travels: as its offset in the program's module, as its bytes, or as an encoded value.
namespace jobhost::detail {

extern "C" const char __ehdr_start
    __attribute__((visibility("hidden")));  // begin of the module that this is linked into

/// Where a function is, in any process that loaded the same libraries: its offset in the program's module or, where
/// `library` names one by its build id, in that.
struct Place {
  std::string library;
  std::uint64_t offset = 0;
};
/// Throws std::invalid_argument for a function that workers could not find again.
Place place_of(const void* function);
const void* function_at(const Place& place);

inline std::uint64_t module_base() { return reinterpret_cast<std::uint64_t>(&__ehdr_start); }

/// Collects encoded bytes.
class StringWriter {
 public:
  void bytes(const void* from, std::uint64_t size) { text.append(static_cast<const char*>(from), size); }
  std::string text;
};

template <class T>
std::string encoded(const T& value) {
  StringWriter writer;
  sdk::encode(writer, value);
  return std::move(writer.text);
}

template <class T>
std::string type_json() {
  sdk::Text count;
  sdk::put_type<T>(count);
  std::string text(count.size(), '\0');
  sdk::Text out(text.data());
  sdk::put_type<T>(out);
  return text;
}

template <class T>
std::string spelling() {
  constexpr sdk::Name kName = sdk::type_name<T>();
  return std::string(kName.text, kName.size);
}

/// Call operators, functions and member functions that have one signature.
template <class F>
struct SignatureOf;
template <class R, class... P>
struct SignatureOf<R(P...)> {
  using Parameters = sdk::TypeList<P...>;
};
template <class R, class... P>
struct SignatureOf<R (*)(P...)> : SignatureOf<R(P...)> {};
template <class R, class... P>
struct SignatureOf<R (*)(P...) noexcept> : SignatureOf<R(P...)> {};
template <class C, class R, class... P>
struct SignatureOf<R (C::*)(P...)> : SignatureOf<R(P...)> {};
template <class C, class R, class... P>
struct SignatureOf<R (C::*)(P...) const> : SignatureOf<R(P...)> {};
template <class C, class R, class... P>
struct SignatureOf<R (C::*)(P...) noexcept> : SignatureOf<R(P...)> {};
template <class C, class R, class... P>
struct SignatureOf<R (C::*)(P...) const noexcept> : SignatureOf<R(P...)> {};

template <class F>
concept FunctionPointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;
template <class F>
concept HasOneCallOperator = requires {
  &F::operator();
};

/// Parameter types of F; a generic callable takes what it is given.
template <class F, class... Given>
struct ParametersOf {
  using Type = sdk::TypeList<Given...>;
};
template <FunctionPointer F, class... Given>
struct ParametersOf<F, Given...> : ParametersOf<std::nullptr_t> {
  using Type = typename SignatureOf<F>::Parameters;
};
template <HasOneCallOperator F, class... Given>
struct ParametersOf<F, Given...> {
  using Type = typename SignatureOf<decltype(&F::operator())>::Parameters;
};
template <class R, class C, class... Given>
requires std::is_function_v<R>
struct ParametersOf<R C::*, Given...> {
  template <class... P>
  static sdk::TypeList<const C&, P...> with_object(sdk::TypeList<P...>);
  using Type = decltype(with_object(typename SignatureOf<R C::*>::Parameters()));
};

/// A closure that travels as its bytes although some of them may look like addresses.
template <class F>
struct ByValue {
  F function;
  template <class... A>
  decltype(auto) operator()(A&&... arguments) const {
    return function(std::forward<A>(arguments)...);
  }
};
template <class F>
constexpr bool kIsByValue = false;
template <class F>
constexpr bool kIsByValue<ByValue<F>> = true;

/// A function and its first arguments, all of types that travel.
template <class F, class... Bound>
struct Binding;

template <class F>
constexpr bool kIsBinding = false;
template <class F, class... B>
constexpr bool kIsBinding<Binding<F, B...>> = true;

/// The state of a callable of type F: how the host writes it and how a worker makes the callable from it again.
template <class F>
struct State {
  static constexpr bool kEmpty = std::is_empty_v<F> && std::is_trivially_copyable_v<F>;
  static constexpr bool kBytes = !kEmpty && std::is_trivially_copyable_v<F>;
  static constexpr bool kValue = !kEmpty && !kBytes && sdk::value_travels<F>();
  static_assert(
      kEmpty || kBytes || kValue,
      "this callable cannot travel: capture numbers and plain structs by value, or use jobhost::bind(f, values...), "
      "or make it a struct whose fields travel");

  static std::string write(const F& callable) {
    if constexpr (kEmpty) {
      return "";
    } else if constexpr (kBytes) {
      alignas(F) unsigned char bytes[sizeof(F)];
      __builtin_memcpy(bytes, &callable, sizeof(F));
      // What is left between members from before may look like half an address.
#if __has_builtin(__builtin_clear_padding)
      __builtin_clear_padding(reinterpret_cast<F*>(bytes));
#endif
      if constexpr (!kIsByValue<F>) {
        runtime().refuse_addresses(bytes, sizeof bytes, "a captured reference or pointer");
      }
      return std::string(reinterpret_cast<const char*>(bytes), sizeof bytes);
    } else {
      return encoded(callable);
    }
  }

  /// Calls `use` with the callable.
  template <class Use>
  static auto with(const unsigned char* data, [[maybe_unused]] std::uint64_t size, const Use& use) {
    if constexpr (kEmpty || kBytes) {
      alignas(F) unsigned char memory[sizeof(F)] = {};
      if constexpr (kBytes) __builtin_memcpy(memory, data, sizeof(F));
      return use(*std::launder(reinterpret_cast<F*>(memory)));
    } else {
      F callable{};
      sdk::Reader reader(data, size);
      sdk::decode(reader, callable);
      return use(callable);
    }
  }
};

template <FunctionPointer F>
struct State<F> {
  static std::string write(F function) { return encoded(place_of(reinterpret_cast<const void*>(function))); }
  template <class Use>
  static auto with(const unsigned char* data, std::uint64_t size, const Use& use) {
    sdk::Reader reader(data, size);
    Place place;
    sdk::decode(reader, place);
    F function = reinterpret_cast<F>(function_at(place));
    return use(function);
  }
};

// The Itanium C++ ABI's pointer to member function: an address (or 1 + an offset in the virtual table) and an
// adjustment.
template <class R, class C>
requires std::is_function_v<R>
struct State<R C::*> {
  using F = R C::*;
  struct Parts {
    std::uint64_t address;
    std::int64_t adjustment;
  };
  static_assert(sizeof(Parts) == sizeof(F));

  static std::string write(F member) {
    Parts parts;
    __builtin_memcpy(&parts, &member, sizeof parts);
    const bool is_virtual = (parts.address & 1) != 0;
    const Place place = is_virtual ? Place{"", parts.address} : place_of(reinterpret_cast<const void*>(parts.address));
    return encoded(place) + encoded(parts.adjustment);
  }
  template <class Use>
  static auto with(const unsigned char* data, std::uint64_t size, const Use& use) {
    sdk::Reader reader(data, size);
    Place place;
    Parts parts;
    sdk::decode(reader, place);
    sdk::decode(reader, parts.adjustment);
    const bool is_virtual = place.library.empty() && (place.offset & 1) != 0;
    parts.address = is_virtual ? place.offset : reinterpret_cast<std::uint64_t>(function_at(place));
    F member;
    __builtin_memcpy(&member, &parts, sizeof parts);
    auto callable = std::mem_fn(member);
    return use(callable);
  }
};

template <class F, class... Bound>
struct Binding {
  F function;
  std::tuple<Bound...> values;
};

template <class F, class... Bound>
struct State<Binding<F, Bound...>> {
  static_assert((sdk::value_travels<Bound>() && ...), "a bound value is of a type that cannot travel");

  static std::string write(const Binding<F, Bound...>& binding) {
    const std::string function = State<F>::write(binding.function);
    return encoded(function) + encoded(binding.values);
  }
  template <class Use>
  static auto with(const unsigned char* data, std::uint64_t size, const Use& use) {
    sdk::Reader reader(data, size);
    std::string function;
    std::tuple<Bound...> values;
    sdk::decode(reader, function);
    sdk::decode(reader, values);
    return State<F>::with(
        reinterpret_cast<const unsigned char*>(function.data()), function.size(), [&](auto& callable) {
          auto bound = [&](auto&&... arguments) -> decltype(auto) {
            return std::apply(
                [&](const auto&... first) -> decltype(auto) {
                  return std::invoke(callable, first..., std::forward<decltype(arguments)>(arguments)...);
                },
                values);
          };
          return use(bound);
        });
  }
};

template <class F, class... Bound, class... Given>
struct ParametersOf<Binding<F, Bound...>, Given...> {
  template <std::size_t N, class First, class... Rest>
  static auto drop(sdk::TypeList<First, Rest...>) {
    if constexpr (N == 0) {
      return sdk::TypeList<First, Rest...>();
    } else {
      return drop<N - 1>(sdk::TypeList<Rest...>());
    }
  }
  template <std::size_t N>
  static auto drop(sdk::TypeList<>) {
    return sdk::TypeList<>();
  }
  using Type = decltype(drop<sizeof...(Bound)>(typename ParametersOf<F, Bound..., Given...>::Type()));
};

/// A callable that takes its arguments as one tuple.
template <class F>
struct Starred {
  F function;
};
template <class F>
struct State<Starred<F>> {
  static std::string write(const Starred<F>& starred) { return State<F>::write(starred.function); }
  template <class Use>
  static auto with(const unsigned char* data, std::uint64_t size, const Use& use) {
    return State<F>::with(data, size, [&](auto& callable) {
      auto applied = [&](const auto& arguments) -> decltype(auto) { return std::apply(callable, arguments); };
      return use(applied);
    });
  }
};
template <class F, class Tuple>
struct ParametersOf<Starred<F>, Tuple> {
  using Type = sdk::TypeList<Tuple>;
};

/// Folds the results of F over some inputs with C: a leaf of map_reduce.
template <class F, class C>
struct Leaf {
  F function;
  C combine;
};
template <class F, class C>
struct State<Leaf<F, C>> {
  static std::string write(const Leaf<F, C>& leaf) {
    return encoded(State<F>::write(leaf.function)) + encoded(State<C>::write(leaf.combine));
  }
  template <class Use>
  static auto with(const unsigned char* data, std::uint64_t size, const Use& use) {
    sdk::Reader reader(data, size);
    std::string function, combine;
    sdk::decode(reader, function);
    sdk::decode(reader, combine);
    return State<F>::with(reinterpret_cast<const unsigned char*>(function.data()), function.size(), [&](auto& f) {
      return State<C>::with(reinterpret_cast<const unsigned char*>(combine.data()), combine.size(), [&](auto& c) {
        auto fold = [&](const auto& inputs) {
          auto at = inputs.begin();
          std::decay_t<decltype(f(*at))> sum = f(*at);
          while (++at != inputs.end()) sum = c(std::move(sum), f(*at));
          return sum;
        };
        return use(fold);
      });
    });
  }
};
template <class F, class C, class Inputs>
struct ParametersOf<Leaf<F, C>, Inputs> {
  using Type = sdk::TypeList<Inputs>;
};

/// What a callable of type F returns for arguments of types P.
template <class F, class... P>
struct ResultOf {
  using Type = std::invoke_result_t<F&, P...>;
};
template <class F, class... Bound, class... P>
struct ResultOf<Binding<F, Bound...>, P...> {
  using Type = std::invoke_result_t<F&, const Bound&..., P...>;
};

template <class F, class Tuple>
struct ResultOf<Starred<F>, Tuple> {
  using Type = decltype(std::apply(std::declval<F&>(), std::declval<const Tuple&>()));
};
template <class F, class C, class Inputs>
struct ResultOf<Leaf<F, C>, Inputs> {
  using Type = std::decay_t<std::invoke_result_t<F&, const typename Inputs::value_type&>>;
};

/// Entries of this module, so that a worker runs nothing else.
struct Registration {
  jobhost_entry entry;
  Registration* next;
  static inline Registration* first = nullptr;
  explicit Registration(jobhost_entry known) : entry(known), next(first) { first = this; }
};

inline std::uint64_t number_in(const jobhost_column& column, std::uint64_t i) {
  std::uint64_t number;
  __builtin_memcpy(&number, column.data + i * column.stride, sizeof number);
  return number;
}

/// The entry for a callable of type F with parameters P.
template <class F, class... P>
std::uint64_t enter_callable(const jobhost_column* params, std::uint64_t n, jobhost_sink* sink,
                             jobhost_progress* progress) {
  using Result = typename ResultOf<F, P...>::Type;
  restore_globals(params[kGlobalsColumn]);
  const sdk::Encoded state = sdk::value_of(params[0], 0);
  TaskRandom& random = rng();
  const std::uint64_t seed = number_in(params[1], 0);
  sdk::Reader reader(state.data, state.size);
  const std::uint64_t size = reader.size();
  return State<F>::with(reader.take(size), size, [&](auto& callable) {
    std::uint64_t i = 0;  // every task is called once, in order
    const auto invoke = [&](auto&&... arguments) -> decltype(auto) {
      random.begin(seed, number_in(params[2], i++));
      return std::invoke(callable, std::forward<decltype(arguments)>(arguments)...);
    };
    return sdk::run_batch<std::string, Result>(invoke, sdk::TypeList<P...>(), params + kOwnColumns, n, sink, progress);
  });
}

template <class F, class... P>
inline Registration registered{&enter_callable<F, P...>};

}  // namespace jobhost::detail

extern "C" {
/// For the program's stub: gives the module its runtime.
__attribute__((visibility("default"))) void jobhost_set_runtime(jobhost::detail::Runtime* runtime);
/// For workers: the entry at this offset of the module, or null when it is none.
__attribute__((visibility("default"))) jobhost_entry jobhost_entry_at(std::uint64_t offset);
/// For workers: where the registered globals are, and that the next task is to find them as they were captured.
__attribute__((visibility("default"))) void jobhost_registered_globals(void (*take)(void* context, const void* data,
                                                                                    std::uint64_t size),
                                                                       void* context);
__attribute__((visibility("default"))) void jobhost_forget_globals();
}
