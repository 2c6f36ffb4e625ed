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
  static constexpr std::size_t kParameters = sizeof...(P);
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
};

template <class Text>
[[gnu::cold, gnu::noinline]] void report(jobhost_sink* sink, std::uint64_t i) {
  Thrown thrown;
  try {
    describe_current<Text>(thrown);
  } catch (...) {
    // A what() that throws: the type is all that can be told.
    thrown.add(abi::__cxa_current_exception_type(), "");
  }
  sink->failed(sink, i, thrown.first());
}

template <auto Function, class Result, class... P, std::size_t... I>
inline void call_one(const jobhost_column* params, std::uint64_t i, unsigned char* out,
                     [[maybe_unused]] jobhost_sink* sink, std::index_sequence<I...>) {
  using Value = Plain<Result>;
  if constexpr (std::is_void_v<Result>) {
    Function(Argument<P>(params[I], i).get()...);
  } else if constexpr (fixed_size<Value>() != 0) {
    MemoryWriter writer(out + i * fixed_size<Value>());
    const Value result = Function(Argument<P>(params[I], i).get()...);
    encode(writer, result);
  } else {
    SinkWriter writer(*sink);
    const auto& result = Function(Argument<P>(params[I], i).get()...);
    encode(writer, result);
  }
}

template <auto Function, class Text, class R, class... P>
std::uint64_t run_batch(R (*)(P...), const jobhost_column* params, std::uint64_t n, jobhost_sink* sink,
                        jobhost_progress* progress) {
  // A local copy of the columns: stores of results could otherwise change them, as far as the compiler knows.
  jobhost_column columns[sizeof...(P) + 1];
  for (std::size_t p = 0; p < sizeof...(P); ++p) columns[p] = params[p];
  constexpr bool kVariable = !std::is_void_v<R> && fixed_size<Plain<R>>() == 0;
  unsigned char* const out = sink->data;
  std::uint64_t i = 0;
  while (i < n) {
    [[maybe_unused]] std::uint64_t used = sink->used;
    try {
      for (; i < n; ++i) {
        __atomic_store_n(&progress->current, i, __ATOMIC_RELAXED);
        if (__atomic_load_n(&progress->stop, __ATOMIC_RELAXED)) [[unlikely]]
          return i;
        if constexpr (kVariable) used = sink->used;
        call_one<Function, R, P...>(columns, i, out, sink, std::index_sequence_for<P...>{});
        if constexpr (kVariable) sink->ends[i] = sink->used;
      }
    } catch (abi::__forced_unwind&) {
      throw;
    } catch (...) {
      report<Text>(sink, i);
      if constexpr (kVariable) {
        sink->used = used;
        sink->ends[i] = used;
      } else if constexpr (!std::is_void_v<R>) {
        __builtin_memset(out + i * fixed_size<Plain<R>>(), 0, fixed_size<Plain<R>>());
      }
      ++i;
    }
  }
  return i;
}

/// The body of a jobhost_entry. Functions that cannot travel have one too, which runs nothing.
template <auto Function, class Text = std::string>
std::uint64_t enter(const jobhost_column* params, std::uint64_t n, jobhost_sink* sink, jobhost_progress* progress) {
  if constexpr (Signature<decltype(Function)>::kTravels) {
    return run_batch<Function, Text>(Function, params, n, sink, progress);
  } else {
    return 0;
  }
}

}  // namespace jobhost::sdk
