#pragma once

#include <bits/stringfwd.h>

#include "jobhost/sdk/argument.hpp"
#include "jobhost/sdk/thrown.hpp"

/// From a plain function to an entry of the C boundary (abi.h).
namespace jobhost::sdk {

template <class F>
struct Signature;
template <class R, class... P>
struct Signature<R (*)(P...)> {
  using Result = R;
  using Parameters = TypeList<P...>;
  static constexpr bool kTravels = (parameter_travels<P>() && ...) && result_travels<R>();
  static constexpr bool kResultTravels = result_travels<R>();
  static constexpr bool kParameterTravels[] = {parameter_travels<P>()..., true};
};
template <class R, class... P>
struct Signature<R (*)(P...) noexcept> : Signature<R (*)(P...)> {};
template <class F>
struct Signature<F* const> : Signature<F*> {};

/// Picks one of several overloads by its parameter types.
template <class... P>
struct Overload {
  template <class R>
  static constexpr auto of(R (*function)(P...)) {
    return function;
  }
  template <class R>
  static constexpr auto of(R (*function)(P...) noexcept) {
    return function;
  }
};

/// Inside the handler of what task i threw; `error` is null when that is no std::exception.
template <class Text>
[[gnu::cold, gnu::noinline]] void report(jobhost_sink* sink, std::uint64_t i, const std::exception* error) {
  Thrown thrown;
  try {
    error ? describe<Text>(thrown, *error) : describe_current<Text>(thrown);
  } catch (...) {
    // A what() that throws: the type is all that can be told.
    thrown.add(abi::__cxa_current_exception_type(), "");
  }
  for (const ExceptionWriter* writer = ExceptionWriter::first; writer; writer = writer->next) {
    std::uint64_t size = 0;
    if (unsigned char* object = writer->write(size)) {
      thrown.set_object(object, size);
      break;
    }
  }
  sink->failed(sink, i, thrown.first());
}

/// A task's result: what the function returns, then its in-out parameters in order.
template <class R, class... P>
struct Outcome {
  static constexpr std::size_t kParts = (std::is_void_v<R> ? 0 : 1) + (0 + ... + (InOut<P> ? 1 : 0));
  template <class T, bool Counts>
  static constexpr std::size_t part() {
    if constexpr (Counts) {
      return fixed_size<T>();
    } else {
      return 0;
    }
  }
  /// Bytes of every result, 0 when they differ.
  static constexpr std::size_t size() {
    constexpr bool kFixed = (part<Plain<R>, !std::is_void_v<R>>() != 0 ||
                             std::is_void_v<R>)&&((!InOut<P> || part<Plain<P>, InOut<P>>() != 0) && ...);
    return kFixed ? part<Plain<R>, !std::is_void_v<R>>() + (0 + ... + part<Plain<P>, InOut<P>>()) : 0;
  }
};

template <class P, class Writer>
inline void encode_back([[maybe_unused]] Writer& writer, [[maybe_unused]] const Argument<P>& argument) {
  if constexpr (InOut<P>) encode(writer, argument.value());
}

/// A function that the compiler knows, as an object to call.
template <auto Function>
struct Fixed {
  template <class... A>
  decltype(auto) operator()(A&&... arguments) const {
    return Function(static_cast<A&&>(arguments)...);
  }
};

template <class Result, class... P, class Callee, class Writer>
inline void call(Callee& callee, Writer& writer, Argument<P>&&... arguments) {
  if constexpr (std::is_void_v<Result>) {
    callee(arguments.get()...);
  } else if constexpr (std::is_reference_v<Result>) {
    encode(writer, static_cast<const Plain<Result>&>(callee(arguments.get()...)));
  } else {
    const Plain<Result> result = callee(arguments.get()...);
    encode(writer, result);
  }
  (encode_back<P>(writer, arguments), ...);
}

template <class Result, class... P, class Callee, std::size_t... I>
inline void call_one(Callee& callee, const jobhost_column* params, std::uint64_t i, unsigned char* out,
                     [[maybe_unused]] jobhost_sink* sink, std::index_sequence<I...>) {
  constexpr std::size_t kSize = Outcome<Result, P...>::size();
  if constexpr (kSize != 0 || Outcome<Result, P...>::kParts == 0) {
    MemoryWriter writer(out + i * kSize);
    call<Result, P...>(callee, writer, Argument<P>(params[I], i)...);
  } else {
    SinkWriter writer(*sink);
    call<Result, P...>(callee, writer, Argument<P>(params[I], i)...);
  }
}

/// Runs a batch of calls of `callee` with parameters P and result R.
template <class Text, class R, class... P, class Callee>
std::uint64_t run_batch(Callee callee, TypeList<P...>, const jobhost_column* params, std::uint64_t n,
                        jobhost_sink* sink, jobhost_progress* progress) {
  // A local copy of the columns: stores of results could otherwise change them, as far as the compiler knows.
  jobhost_column columns[sizeof...(P) + 1];
  for (std::size_t p = 0; p < sizeof...(P); ++p) columns[p] = params[p];
  constexpr std::size_t kSize = Outcome<R, P...>::size();
  constexpr bool kVariable = kSize == 0 && Outcome<R, P...>::kParts > 0;
  unsigned char* const out = sink->data;
  std::uint64_t i = 0;
  while (i < n) {
    [[maybe_unused]] std::uint64_t used = sink->used;
    const auto failed = [&](const std::exception* error) {
      report<Text>(sink, i, error);
      if constexpr (kVariable) {
        sink->used = used;
        sink->ends[i] = used;
      } else if constexpr (kSize > 0) {
        __builtin_memset(out + i * kSize, 0, kSize);
      }
      ++i;
    };
    try {
      for (; i < n; ++i) {
        __atomic_store_n(&progress->current, i, __ATOMIC_RELAXED);
        if (__atomic_load_n(&progress->stop, __ATOMIC_RELAXED)) [[unlikely]]
          return i;
        if constexpr (kVariable) used = sink->used;
        call_one<R, P...>(callee, columns, i, out, sink, std::index_sequence_for<P...>{});
        if constexpr (kVariable) sink->ends[i] = sink->used;
      }
    } catch (abi::__forced_unwind&) {
      throw;
    } catch (const std::exception& error) {
      failed(
          &error);  // caught as itself: to throw it again in order to look at it would cost as much as the first time
    } catch (...) {
      failed(nullptr);
    }
  }
  return i;
}

template <class T>
constexpr bool is_settable() {
  return !std::is_const_v<T> && !std::is_volatile_v<T> && value_travels<T>() &&
         (std::is_array_v<T> || std::is_move_assignable_v<T>);
}

/// The body of a jobhost_set_global.
template <class T>
int set_global([[maybe_unused]] T* variable, [[maybe_unused]] const unsigned char* data,
               [[maybe_unused]] std::uint64_t size) {
  if constexpr (is_settable<T>()) {
    try {
      Reader reader(data, size);
      if constexpr (std::is_array_v<T>) {
        decode(reader, *variable);
      } else {
        constexpr std::size_t kLarge = 64 << 10;  // bytes: a stack may be small
        if constexpr (sizeof(T) > kLarge) {
          struct Fresh {
            T* value = new T{};
            ~Fresh() { delete value; }
          } fresh;
          decode(reader, *fresh.value);
          *variable = static_cast<T&&>(*fresh.value);
        } else {
          T fresh{};
          decode(reader, fresh);
          *variable = static_cast<T&&>(fresh);
        }
      }
      return reader.left() == 0 ? 0 : 1;
    } catch (...) {
    }
  }
  return 1;
}

/// The body of a jobhost_get_global.
template <class T>
int get_global([[maybe_unused]] const T* variable, [[maybe_unused]] unsigned char* data,
               [[maybe_unused]] std::uint64_t capacity, [[maybe_unused]] std::uint64_t* size) {
  if constexpr (is_settable<T>()) {
    try {
      CountingWriter count;
      encode(count, *variable);
      *size = count.size();
      if (count.size() > capacity) return 1;
      MemoryWriter writer(data);
      encode(writer, *variable);
      return 0;
    } catch (...) {
    }
  }
  return 2;
}

/// The body of a jobhost_entry. Functions that cannot travel have one too, which runs nothing.
template <auto Function, class Text = std::string>
std::uint64_t enter(const jobhost_column* params, std::uint64_t n, jobhost_sink* sink, jobhost_progress* progress) {
  if constexpr (Signature<decltype(Function)>::kTravels) {
    using S = Signature<decltype(Function)>;
    return run_batch<Text, typename S::Result>(Fixed<Function>(), typename S::Parameters(), params, n, sink, progress);
  } else {
    return 0;
  }
}

}  // namespace jobhost::sdk
