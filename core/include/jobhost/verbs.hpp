#pragma once

#include <algorithm>
#include <ranges>
#include <string_view>

#include "jobhost/async.hpp"
#include "jobhost/results.hpp"

/// The verbs: a callable mapped over ranges, in worker processes or on threads. Each takes Options as an optional first
/// argument. A callable is a function or a static function of the program, a lambda (captures by value), a struct with
/// an operator() whose fields travel, jobhost::bind(f, values...), or a pointer to a member function (the object comes
/// first). Argument ranges run side by side and end with the shortest; any other argument is given to every task.
namespace jobhost {

/// f with its first arguments fixed to copies of the values, whatever their types as long as they travel.
template <class F, class... Values>
auto bind(F f, Values&&... values) {
  return detail::Binding<F, std::decay_t<Values>...>{f, {std::forward<Values>(values)...}};
}

/// A closure to be sent as its bytes, even if some of them look like addresses of this process.
template <class F>
auto by_value(F f) {
  return detail::ByValue<F>{std::move(f)};
}

/// An argument given to every task as it is, even where a range would be walked along: jobhost::common(table). It is
/// written once; all workers of a machine map the same memory, and span and string_view parameters refer to it.
template <class T>
struct Common {
  T value;
};
template <class T>
auto common(T&& value) {
  return Common<T>{std::forward<T>(value)};
}

namespace detail {

template <class A>
constexpr bool kIsCommon = false;
template <class T>
constexpr bool kIsCommon<Common<T>> = true;

template <class T>
concept TextLike = std::is_convertible_v < const std::decay_t<T>
&, std::string_view > ;

/// True when an argument of type A stands for one value per task of a parameter P, not for the parameter itself.
template <class P, class A>
constexpr bool is_range_for() {
  using R = std::remove_cvref_t<A>;
  if constexpr (kIsCommon<R> || TextLike<R> || !std::ranges::input_range<R>) {
    return false;
  } else {
    using Item = std::ranges::range_value_t<R>;
    return std::is_convertible_v<Item, std::remove_cvref_t<P>> || !std::is_convertible_v<R, std::remove_cvref_t<P>>;
  }
}

template <class A>
struct GivenTo {
  using Type = std::decay_t<A>;
};
template <class A>
requires kIsCommon<std::remove_cvref_t<A>>
struct GivenTo<A> {
  using Type = std::decay_t<decltype(std::declval<A>().value)>;
};
template <class A>
requires(std::ranges::input_range<std::remove_cvref_t<A>> && !TextLike<A>) struct GivenTo<A> {
  using Type = std::ranges::range_value_t<std::remove_cvref_t<A>>;
};

/// Encodes an argument as parameter type P has it.
template <class P, class A>
std::string encode_as(const A& value) {
  using T = sdk::Plain<P>;
  if constexpr (sdk::StringView<T> || sdk::CString<T>) {
    return encoded(std::string(std::string_view(value)));
  } else if constexpr (sdk::Span<T>) {
    using Item = std::remove_cv_t<typename T::element_type>;
    if constexpr (std::ranges::contiguous_range<A> && std::is_same_v<std::ranges::range_value_t<A>, Item>) {
      StringWriter writer;
      writer.text.reserve(sizeof(std::uint64_t) + std::ranges::size(value) * sizeof(Item));
      sdk::encode_size(writer, std::ranges::size(value));
      writer.bytes(std::ranges::data(value), std::ranges::size(value) * sizeof(Item));
      return std::move(writer.text);
    } else {
      return encoded(std::vector<Item>(std::ranges::begin(value), std::ranges::end(value)));
    }
  } else if constexpr (std::is_same_v<T, A>) {
    return encoded(value);
  } else {
    return encoded(static_cast<T>(value));
  }
}

/// One of the arguments of a verb, walked along when it is a range.
template <class P, class A, bool kRange = is_range_for<P, A>()>
class Source {
 public:
  static constexpr bool kSame = true;
  explicit Source(const std::remove_reference_t<A>& value) {
    if constexpr (kIsCommon<std::remove_cvref_t<A>>) {
      value_ = encode_as<P>(value.value);
    } else {
      value_ = encode_as<P>(value);
    }
  }
  bool next(std::vector<std::string>&, std::size_t&) { return true; }
  std::optional<std::uint64_t> size() { return std::nullopt; }
  std::string take_common() { return std::move(value_); }

 private:
  std::string value_;
};
template <class P, class A>
class Source<P, A, true> {
 public:
  static constexpr bool kSame = false;
  explicit Source(A range) : range_(std::forward<A>(range)) {}
  bool next(std::vector<std::string>& values, std::size_t& column) {
    if (!begun_) {
      at_.emplace(std::ranges::begin(range_));
      begun_ = true;
    } else {
      ++*at_;
    }
    if (*at_ == std::ranges::end(range_)) return false;
    values[column++] = encode_as<P>(std::ranges::range_value_t<std::remove_cvref_t<A>>(**at_));
    return true;
  }
  std::optional<std::uint64_t> size() {
    if constexpr (std::ranges::sized_range<std::remove_reference_t<A>>) {
      return static_cast<std::uint64_t>(std::ranges::size(range_));
    } else {
      return std::nullopt;
    }
  }
  std::string take_common() { return ""; }

 private:
  A range_;  // a reference to what outlives the results, or the range itself
  std::optional<std::ranges::iterator_t<std::remove_reference_t<A>>> at_;
  bool begun_ = false;
};

template <class... Sources>
class ZippedFeed : public Feed {
 public:
  template <class... A>
  explicit ZippedFeed(A&&... arguments) : sources_(std::forward<A>(arguments)...) {}

  bool next(std::vector<std::string>& values) override {
    if (kNoRange) return !std::exchange(called_, true);
    std::size_t column = 0;
    return std::apply([&](auto&... source) { return (source.next(values, column) && ...); }, sources_);
  }
  /// Length of the shortest range, when one is known and no unknown one may be shorter.
  std::optional<std::uint64_t> size() {
    if (kNoRange) return 1;
    std::optional<std::uint64_t> shortest;
    bool unknown = false;
    std::apply(
        [&](auto&... source) {
          const auto look = [&](auto& one) {
            if (one.kSame) return;
            const auto length = one.size();
            unknown = unknown || !length;
            if (length) shortest = std::min(shortest.value_or(*length), *length);
          };
          (look(source), ...);
        },
        sources_);
    return unknown ? std::nullopt : shortest;
  }
  template <class... P>
  void describe(std::vector<Column>& columns, sdk::TypeList<P...>) {
    std::apply(
        [&](auto&... source) {
          (columns.push_back({"arg" + std::to_string(columns.size() + 1 - kOwnColumns), type_json<sdk::Plain<P>>(),
                              source.kSame ? Column::From::kValue : Column::From::kFeed, source.take_common()}),
           ...);
        },
        sources_);
  }

 private:
  static constexpr bool kNoRange = (Sources::kSame && ...);
  std::tuple<Sources...> sources_;
  bool called_ = false;
};

template <class F>
using Stored = std::decay_t<F>;

template <class F, class... A>
struct MapOf {
  using Parameters = typename ParametersOf<Stored<F>, typename GivenTo<A>::Type...>::Type;
  template <class... P>
  static typename ResultOf<Stored<F>, P...>::Type result(sdk::TypeList<P...>);
  using Yield = typename YieldOf<decltype(result(Parameters()))>::Type;

  /// What is called, over which inputs.
  struct Prepared {
    Call call;
    std::unique_ptr<Feed> feed;
    std::optional<std::uint64_t> tasks;  // where that is known
  };

  static std::unique_ptr<JobSequence> start(const Options& options, bool in_order, const Stored<F>& f,
                                            A&&... arguments) {
    Prepared made = prepare(options, f, Parameters(), std::forward<A>(arguments)...);
    return std::make_unique<JobSequence>(std::move(made.call), std::move(made.feed), options, in_order, made.tasks);
  }

  template <class... P>
  static Prepared prepare(const Options& options, const Stored<F>& f, sdk::TypeList<P...>, A&&... arguments) {
    using Result = typename ResultOf<Stored<F>, P...>::Type;
    static_assert(sizeof...(P) == sizeof...(A), "the callable takes another number of arguments");
    static_assert((sdk::parameter_travels<P>() && ...), "a parameter is of a type that cannot travel");
    static_assert(sdk::result_travels<Result>(), "the result is of a type that cannot travel");
    static_assert((!sdk::InOut<P> && ...), "a parameter T& cannot be given back: take it by value and return it");
    (void)&registered<Stored<F>, P...>;
    auto feed = std::make_unique<ZippedFeed<Source<P, A>...>>(std::forward<A>(arguments)...);
    Call call;
    call.name = spelling<Stored<F>>();
    call.entry = &enter_callable<Stored<F>, P...>;
    call.columns = {{"callable", "\"string\"", Column::From::kValue, encoded(State<Stored<F>>::write(f))},
                    {"seed", "\"u64\"", Column::From::kValue, encoded(options.seed)},
                    {"number", "\"u64\"", Column::From::kTask}};
    feed->describe(call.columns, sdk::TypeList<P...>());
    call.result = type_json<sdk::Plain<Result>>();
    const auto size = feed->size();
    return {std::move(call), std::move(feed), size};
  }
};

template <template <class> class How, class F, class... A>
auto mapped(const Options& options, bool in_order, const F& f, A&&... arguments) {
  using M = MapOf<F, A...>;
  return Results<typename M::Yield, How>(M::start(options, in_order, f, std::forward<A>(arguments)...));
}

template <class F>
concept NoOptions = !std::is_same_v<std::remove_cvref_t<F>, Options>;

}  // namespace detail

/// Results in the order of the inputs, as they come; see Results. Lazy: nothing is held but what runs ahead. Ranges
/// given as lvalues must outlive the results; an endless range is taken window by window.
template <class F, class... A>
auto map(const Options& options, const F& f, A&&... arguments) {
  return detail::mapped<detail::AsValue>(options, true, f, std::forward<A>(arguments)...);
}
template <detail::NoOptions F, class... A>
auto map(const F& f, A&&... arguments) {
  return map(Options(), f, std::forward<A>(arguments)...);
}

/// The same under the name that pathos has for it.
template <class... A>
auto imap(A&&... arguments) {
  return map(std::forward<A>(arguments)...);
}

/// Pairs of index and value in the order in which tasks complete.
template <class F, class... A>
auto uimap(const Options& options, const F& f, A&&... arguments) {
  return detail::mapped<detail::AsPair>(options, false, f, std::forward<A>(arguments)...);
}
template <detail::NoOptions F, class... A>
auto uimap(const F& f, A&&... arguments) {
  return uimap(Options(), f, std::forward<A>(arguments)...);
}

/// Values or failures in the order of the inputs; nothing is thrown.
template <class F, class... A>
auto outcomes(const Options& options, const F& f, A&&... arguments) {
  return detail::mapped<detail::AsOutcome>(options, true, f, std::forward<A>(arguments)...);
}
template <detail::NoOptions F, class... A>
auto outcomes(const F& f, A&&... arguments) {
  return outcomes(Options(), f, std::forward<A>(arguments)...);
}

/// One call with these arguments; ranges are values here. Returns its result or rethrows.
template <class F, class... A>
auto pipe(const Options& options, const F& f, A&&... arguments) {
  return *detail::mapped<detail::AsValue>(options, true, f, std::views::single(std::forward<A>(arguments))...).begin();
}
template <detail::NoOptions F, class... A>
auto pipe(const F& f, A&&... arguments) {
  return pipe(Options(), f, std::forward<A>(arguments)...);
}

/// f called with the elements of each tuple (or pair) of the range.
template <class F, class Tuples>
auto starmap(const Options& options, const F& f, Tuples&& tuples) {
  return map(options, detail::Starred<std::decay_t<F>>{f}, std::forward<Tuples>(tuples));
}
template <detail::NoOptions F, class Tuples>
auto starmap(const F& f, Tuples&& tuples) {
  return starmap(Options(), f, std::forward<Tuples>(tuples));
}

/// The map beside the program: a handle with ready(), wait(), wait_for(), get() (a vector), cancel() and done(). Ranges
/// given as lvalues must outlive it, unless their length is known: those are read before amap returns.
template <class F, class... A>
auto amap(const Options& options, const F& f, A&&... arguments) {
  using M = detail::MapOf<F, A...>;
  using T = typename M::Yield;
  return Async<std::vector<T>>(M::start(options, true, f, std::forward<A>(arguments)...),
                               [](detail::JobSequence& jobs) {
                                 std::vector<T> values;
                                 for (detail::Slot<T> slot; slot.read(jobs);) values.push_back(slot.take());
                                 return values;
                               });
}
template <detail::NoOptions F, class... A>
auto amap(const F& f, A&&... arguments) {
  return amap(Options(), f, std::forward<A>(arguments)...);
}

/// One call beside the program; get() gives its result.
template <class F, class... A>
auto apipe(const Options& options, const F& f, A&&... arguments) {
  using M = detail::MapOf<F, std::ranges::single_view<std::decay_t<A>>...>;
  using T = typename M::Yield;
  return Async<T>(M::start(options, true, f, std::views::single(std::forward<A>(arguments))...),
                  [](detail::JobSequence& jobs) {
                    detail::Slot<T> slot;
                    if (!slot.read(jobs)) throw std::runtime_error("the call was cancelled");
                    return slot.take();
                  });
}
template <detail::NoOptions F, class... A>
auto apipe(const F& f, A&&... arguments) {
  return apipe(Options(), f, std::forward<A>(arguments)...);
}

/// combine(... combine(combine(init, f(x0)), f(x1)) ...), folded in the workers in leaves of consecutive inputs whose
/// size depends on their number alone, and the leaves in order here: bit-identical for any backend and number of
/// workers. As leaves are folded before init joins them, combine must be associative up to rounding.
template <class F, class C, class T, std::ranges::input_range R>
T map_reduce(const Options& options, const F& f, const C& combine, T init, R&& inputs) {
  using Input = std::ranges::range_value_t<R>;
  std::size_t leaf = 256;
  if constexpr (std::ranges::sized_range<R>) leaf = std::clamp<std::size_t>(std::ranges::size(inputs) / 1024, 1, 4096);
  std::vector<std::vector<Input>> leaves;
  for (auto&& input : inputs) {
    if (leaves.empty() || leaves.back().size() == leaf) leaves.emplace_back().reserve(leaf);
    leaves.back().push_back(std::forward<decltype(input)>(input));
  }
  for (auto part : map(options, detail::Leaf<std::decay_t<F>, std::decay_t<C>>{f, combine}, leaves)) {
    init = combine(std::move(init), std::move(part));
  }
  return init;
}
template <detail::NoOptions F, class C, class T, std::ranges::input_range R>
T map_reduce(const F& f, const C& combine, T init, R&& inputs) {
  return map_reduce(Options(), f, combine, std::move(init), std::forward<R>(inputs));
}

/// Starts the map as a job that goes on without this program, and returns its id. It lives in Options::store, by
/// default where the command line keeps its jobs ($JOBHOST_STORE, else .jobhost), and can be followed there (jobhost
/// attach) as well as by attach() in this or another program. All inputs are read before submit returns.
template <class F, class... A>
std::string submit(const Options& options, const F& f, A&&... arguments) {
  using M = detail::MapOf<F, A...>;
  auto made = M::prepare(options, f, typename M::Parameters(), std::forward<A>(arguments)...);
  return detail::runtime().submit(made.call, *made.feed, options);
}
template <detail::NoOptions F, class... A>
std::string submit(const F& f, A&&... arguments) {
  return submit(Options(), f, std::forward<A>(arguments)...);
}

/// The results of a submitted job in the order of the inputs, as they come. T is what the mapped function returns.
/// Reading changes nothing: any number of programs may, at any time, also after the job is done. Throws
/// std::invalid_argument when there is no such job or T does not fit.
template <class T>
Results<T> attach(const std::string& job, const std::string& store = {}) {
  using R = std::conditional_t<std::is_same_v<T, Nothing>, void, T>;
  return Results<T>(
      std::make_unique<detail::JobSequence>(detail::runtime().attach(store, job, detail::type_json<R>())));
}

}  // namespace jobhost
