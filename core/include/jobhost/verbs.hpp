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
///
/// Lifetime: ranges given as lvalues, and what common() refers to, must outlive the results and stay as they are; all
/// else is copied or moved.
///
/// Threads: verbs may be called from any thread, several at once. Results are for one thread at a time.
///
/// Errors: std::invalid_argument for what cannot be run as it is asked for (an address in a closure, an unknown backend
/// or option), std::runtime_error when workers cannot run, std::logic_error in a task, which cannot map. What a task
/// threw is thrown where its result is taken; see TaskFailure.
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
/// written once; all workers of a machine map the same memory, and span and string_view parameters refer to it. A
/// variable must outlive the results; common(std::move(table)) is freed as soon as it is written.
template <class T>
struct Common {
  T value;
};
template <class T>
auto common(T&& value) {
  return Common<T>{std::forward<T>(value)};
}

/// A value that a pool keeps for calls with a parameter of type P; made by Pool::share. Copies refer to the same value.
template <class P>
struct Shared {
  using Parameter = P;
  std::shared_ptr<detail::SharedValue> value;
};

namespace detail {

template <class A>
constexpr bool kIsCommon = false;
template <class T>
constexpr bool kIsCommon<Common<T>> = true;
template <class A>
constexpr bool kIsShared = false;
template <class P>
constexpr bool kIsShared<Shared<P>> = true;

template <class T>
concept TextLike = std::is_convertible_v < const std::decay_t<T>
&, std::string_view > ;

/// True when an argument of type A stands for one value per task of a parameter P, not for the parameter itself.
template <class P, class A>
constexpr bool is_range_for() {
  using R = std::remove_cvref_t<A>;
  if constexpr (kIsCommon<R> || kIsShared<R> || TextLike<R> || !std::ranges::input_range<R>) {
    return false;
  } else {
    using Item = std::ranges::range_value_t<R>;
    return std::is_convertible_v<Item, std::remove_cvref_t<P>> || !std::is_convertible_v<R, std::remove_cvref_t<P>>;
  }
}

/// The type of value that an argument of type A stands for.
template <class A>
struct GivenAs {
  using Type = A;
};
template <class T>
struct GivenAs<Common<T>> {
  using Type = std::decay_t<T>;
};
template <class P>
struct GivenAs<Shared<P>> {
  using Type = P;
};
/// The same where a range stands for its elements.
template <class A>
struct GivenTo : GivenAs<std::decay_t<A>> {};
template <class A>
requires(std::ranges::input_range<std::remove_cvref_t<A>> && !TextLike<A>) struct GivenTo<A> {
  using Type = std::ranges::range_value_t<std::remove_cvref_t<A>>;
};

/// Writes an argument as parameter type P has it.
template <class P, class Writer, class A>
void write_as(Writer& writer, const A& value) {
  using T = sdk::Plain<P>;
  if constexpr (sdk::StringView<T> || sdk::CString<T>) {
    const std::string_view text(value);
    sdk::encode_size(writer, text.size());
    writer.bytes(text.data(), text.size());
  } else if constexpr (sdk::Span<T>) {
    using Item = std::remove_cv_t<typename T::element_type>;
    if constexpr (std::ranges::contiguous_range<A> && std::is_same_v<std::ranges::range_value_t<A>, Item>) {
      sdk::encode_size(writer, std::ranges::size(value));
      writer.bytes(std::ranges::data(value), std::ranges::size(value) * sizeof(Item));
    } else {
      sdk::encode(writer, std::vector<Item>(std::ranges::begin(value), std::ranges::end(value)));
    }
  } else if constexpr (sdk::MatrixView<T>) {
    // Values in the order in which the view reads them.
    using Dense = typename T::PlainObject;
    if constexpr (std::is_same_v<A, Dense> || std::is_same_v<A, T>) {
      if constexpr (!sdk::RowView<T>) {
        sdk::encode_size(writer, static_cast<std::uint64_t>(value.rows()));
        sdk::encode_size(writer, static_cast<std::uint64_t>(value.cols()));
      }
      sdk::encode_size(writer, static_cast<std::uint64_t>(value.size()));
      writer.bytes(value.data(), static_cast<std::uint64_t>(value.size()) * sizeof(typename T::Scalar));
    } else {
      write_as<P>(writer, Dense(value));
    }
  } else if constexpr (std::is_same_v<T, A>) {
    sdk::encode(writer, value);
  } else {
    sdk::encode(writer, static_cast<T>(value));
  }
}
template <class P, class A>
std::string encode_as(const A& value) {
  StringWriter writer;
  write_as<P>(writer, value);
  return std::move(writer.text);
}

template <class T>
constexpr bool kIsNumbers = false;
template <class T>
constexpr bool kIsNumbers<std::vector<T>> = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

/// Passes on what is written once and then freed.
struct LastWriter {
  ByteSink& sink;
  void bytes(const void* from, std::uint64_t size) { sink.last_bytes(from, size); }
};

/// What is common, as parameter type P has it. Takes over what `common` holds; refers to what it refers to.
template <class P, class T>
Value common_value(Common<T>& common) {
  if constexpr (std::is_reference_v<T>) {
    return {"", [place = &common.value](ByteSink& sink) { write_as<P>(sink, *place); }};
  } else {
    return {"", [owned = std::make_shared<T>(std::move(common.value))](ByteSink& sink) {
              if constexpr (kIsNumbers<T>) {
                LastWriter last{sink};
                write_as<P>(last, *owned);
              } else {
                write_as<P>(sink, *owned);
              }
            }};
  }
}

/// An argument that is the same for all tasks.
template <class P, class A>
Column given(A&& argument) {
  using Given = std::remove_cvref_t<A>;
  Column column{&type_json<sdk::Plain<P>>, Column::From::kValue};
  if constexpr (kIsShared<Given>) {
    static_assert(std::is_same_v<typename Given::Parameter, sdk::Plain<P>>, "shared for another parameter type");
    column.from = Column::From::kShared;
    column.shared = argument.value;
  } else if constexpr (kIsCommon<Given> && std::is_lvalue_reference_v<A>) {
    Common<decltype((argument.value))> same{argument.value};
    column.value = common_value<P>(same);
  } else if constexpr (kIsCommon<Given>) {
    column.value = common_value<P>(argument);
  } else {
    column.value.bytes = encode_as<P>(argument);
  }
  return column;
}

template <class A>
constexpr bool kIsIota = false;
template <std::integral W, class Bound>
constexpr bool kIsIota<std::ranges::iota_view<W, Bound>> = true;

/// One of the arguments of a verb, walked along when it is a range.
template <class P, class A, bool kRange = is_range_for<P, A>()>
class Source {
 public:
  static constexpr bool kSame = true;
  explicit Source(A&& argument) : column_(given<P>(std::forward<A>(argument))) {}
  bool next(std::vector<std::string>&, std::size_t&) { return true; }
  std::optional<std::uint64_t> size() { return std::nullopt; }
  Column column() { return std::move(column_); }

 private:
  Column column_;
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
    if constexpr (!kCounts) values[column++] = encode_as<P>(std::ranges::range_value_t<std::remove_cvref_t<A>>(**at_));
    return true;
  }
  std::optional<std::uint64_t> size() {
    if constexpr (std::ranges::sized_range<std::remove_reference_t<A>>) {
      return static_cast<std::uint64_t>(std::ranges::size(range_));
    } else {
      return std::nullopt;
    }
  }
  Column column() {
    if constexpr (kCounts) {
      // The value of an iota at its begin, as it would be converted for the call.
      const auto start = static_cast<std::uint64_t>(static_cast<T>(*std::ranges::begin(range_)));
      return {&type_json<T>, Column::From::kRange, {}, nullptr, start, sizeof(T)};
    } else {
      return {&type_json<T>};
    }
  }

 private:
  using T = sdk::Plain<P>;
  /// Whole numbers one after another, which workers make themselves.
  static constexpr bool kCounts = kIsIota<std::remove_cvref_t<A>> && std::is_integral_v<T> && !std::is_same_v<T, bool>;

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
  void describe(std::vector<Column>& columns) {
    std::apply([&](auto&... source) { (columns.push_back(source.column()), ...); }, sources_);
  }

 private:
  static constexpr bool kNoRange = (Sources::kSame && ...);
  std::tuple<Sources...> sources_;
  bool called_ = false;
};

template <class F>
using Stored = std::decay_t<F>;

inline std::string text_type() { return "\"string\""; }

template <class Result>
constexpr bool fixed_result() {
  return sdk::Outcome<Result>::size() != 0 || sdk::Outcome<Result>::kParts == 0;
}

/// f with parameters P, before its arguments are known.
template <class F, class... P>
Call call_of(std::uint64_t seed, const F& f, sdk::TypeList<P...>) {
  using Result = typename ResultOf<F, P...>::Type;
  static_assert((sdk::parameter_travels<P>() && ...), "a parameter is of a type that cannot travel");
  static_assert(sdk::result_travels<Result>(), "the result is of a type that cannot travel");
  static_assert((!sdk::InOut<P> && ...), "a parameter T& cannot be given back: take it by value and return it");
  (void)&registered<F, P...>;
  Call call{&spelling<F>, &enter_callable<F, P...>, &type_json<sdk::Plain<Result>>, {}};
  if (constexpr bool kFixed = fixed_result<Result>(); kFixed) call.result_size = sdk::Outcome<Result>::size();
  call.columns.reserve(kOwnColumns + sizeof...(P));
  call.columns.push_back({&text_type, Column::From::kValue, {encoded(State<F>::write(f))}});
  call.columns.push_back({&type_json<std::uint64_t>, Column::From::kValue, {encoded(seed)}});
  call.columns.push_back({&type_json<std::uint64_t>, Column::From::kTask});
  call.columns.push_back({&text_type, Column::From::kGlobals});
  return call;
}

/// What a callable of type F yields when its parameters are those of the list.
template <class F, class List>
struct YieldFor;
template <class F, class... P>
struct YieldFor<F, sdk::TypeList<P...>> : YieldOf<typename ResultOf<F, P...>::Type> {};

/// A callable, and the inputs it is called with one after another.
template <class F, class... A>
struct MapOf {
  using Parameters = typename ParametersOf<Stored<F>, typename GivenTo<A>::Type...>::Type;
  using Yield = typename YieldFor<Stored<F>, Parameters>::Type;

  Call call;
  std::unique_ptr<Feed> feed;
  std::optional<std::uint64_t> tasks;  // where that is known

  MapOf(std::uint64_t seed, const Stored<F>& f, A&&... arguments) : call(call_of(seed, f, Parameters())) {
    take(Parameters(), std::forward<A>(arguments)...);
  }

 private:
  template <class... P>
  void take(sdk::TypeList<P...>, A&&... arguments) {
    static_assert(sizeof...(P) == sizeof...(A), "the callable takes another number of arguments");
    auto zipped = std::make_unique<ZippedFeed<Source<P, A>...>>(std::forward<A>(arguments)...);
    zipped->describe(call.columns);
    tasks = zipped->size();
    feed = std::move(zipped);
  }
};

/// A callable, and what it is called with once; a range is a value.
template <class F, class... A>
struct CallOf {
  using Parameters = typename ParametersOf<Stored<F>, typename GivenAs<std::decay_t<A>>::Type...>::Type;
  using Yield = typename YieldFor<Stored<F>, Parameters>::Type;

  Call call;

  CallOf(std::uint64_t seed, const Stored<F>& f, A&&... arguments) : call(call_of(seed, f, Parameters())) {
    take(Parameters(), std::forward<A>(arguments)...);
  }

 private:
  template <class... P>
  void take(sdk::TypeList<P...>, A&&... arguments) {
    static_assert(sizeof...(P) == sizeof...(A), "the callable takes another number of arguments");
    (call.columns.push_back(given<P>(std::forward<A>(arguments))), ...);
  }
};

/// One task with nothing of its own.
class OneTask : public Feed {
 public:
  bool next(std::vector<std::string>&) override { return !std::exchange(told_, true); }

 private:
  bool told_ = false;
};

template <class F, class... A>
std::unique_ptr<JobSequence> start_map(const Options& options, bool in_order, const F& f, A&&... arguments) {
  MapOf<F, A...> map(options.seed, f, std::forward<A>(arguments)...);
  return std::make_unique<JobSequence>(std::move(map.call), std::move(map.feed), options, in_order, map.tasks);
}
template <class F, class... A>
std::unique_ptr<JobSequence> start_call(const Options& options, const F& f, A&&... arguments) {
  CallOf<F, A...> call(options.seed, f, std::forward<A>(arguments)...);
  return std::make_unique<JobSequence>(std::move(call.call), std::make_unique<OneTask>(), options, true, 1);
}
/// Waits for a call to end.
template <class T>
T value_of_call(JobSequence& jobs) {
  Slot<T> slot;
  if (!slot.read(jobs)) throw std::runtime_error("the call was cancelled");
  return slot.take();
}

template <template <class> class How, class F, class... A>
auto mapped(const Options& options, bool in_order, const F& f, A&&... arguments) {
  using T = typename MapOf<F, A...>::Yield;
  return Results<T, How>(start_map(options, in_order, f, std::forward<A>(arguments)...));
}

/// Consecutive inputs in leaves of a size that depends on their number alone.
template <std::ranges::input_range R>
auto leaves_of(R& inputs) {
  std::size_t size = 256;
  if constexpr (std::ranges::sized_range<R>) size = std::clamp<std::size_t>(std::ranges::size(inputs) / 1024, 1, 4096);
  std::vector<std::vector<std::ranges::range_value_t<R>>> leaves;
  for (auto&& input : inputs) {
    if (leaves.empty() || leaves.back().size() == size) leaves.emplace_back().reserve(size);
    leaves.back().push_back(std::forward<decltype(input)>(input));
  }
  return leaves;
}

template <class F>
concept NoOptions = !std::is_same_v<std::remove_cvref_t<F>, Options>;

}  // namespace detail

/// Gives Results<R>, R being what f returns (Nothing for void): an input range in the order of the inputs, as they
/// come. Lazy: nothing is held but what runs ahead, so that ranges may be endless. Taking a result rethrows what its
/// task threw.
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

/// As map, but gives results as they lie in the memory that workers wrote them to: std::span<const double> for a
/// std::vector<double>, std::string_view for a std::string, else the value. Each is valid until the iterator moves on.
/// For results of megabytes, which then are written once and never copied.
template <class F, class... A>
auto views(const Options& options, const F& f, A&&... arguments) {
  return detail::mapped<detail::AsView>(options, true, f, std::forward<A>(arguments)...);
}
template <detail::NoOptions F, class... A>
auto views(const F& f, A&&... arguments) {
  return views(Options(), f, std::forward<A>(arguments)...);
}

/// As map, but gives std::pair<std::uint64_t, R>, index and value, in the order in which tasks complete.
template <class F, class... A>
auto uimap(const Options& options, const F& f, A&&... arguments) {
  return detail::mapped<detail::AsPair>(options, false, f, std::forward<A>(arguments)...);
}
template <detail::NoOptions F, class... A>
auto uimap(const F& f, A&&... arguments) {
  return uimap(Options(), f, std::forward<A>(arguments)...);
}

/// As map, but gives TaskOutcome<R>, a value or a failure; nothing that a task threw is thrown.
template <class F, class... A>
auto outcomes(const Options& options, const F& f, A&&... arguments) {
  return detail::mapped<detail::AsOutcome>(options, true, f, std::forward<A>(arguments)...);
}
template <detail::NoOptions F, class... A>
auto outcomes(const F& f, A&&... arguments) {
  return outcomes(Options(), f, std::forward<A>(arguments)...);
}

/// One call with these arguments; ranges are values here. Waits, and returns its result or rethrows what it threw.
template <class F, class... A>
auto pipe(const Options& options, const F& f, A&&... arguments) {
  using T = typename detail::CallOf<F, A...>::Yield;
  return detail::value_of_call<T>(*detail::start_call(options, f, std::forward<A>(arguments)...));
}
template <detail::NoOptions F, class... A>
auto pipe(const F& f, A&&... arguments) {
  return pipe(Options(), f, std::forward<A>(arguments)...);
}

/// As map, f being called with the elements of each tuple (or pair) of one range.
template <class F, class Tuples>
auto starmap(const Options& options, const F& f, Tuples&& tuples) {
  return map(options, detail::Starred<std::decay_t<F>>{f}, std::forward<Tuples>(tuples));
}
template <detail::NoOptions F, class Tuples>
auto starmap(const F& f, Tuples&& tuples) {
  return starmap(Options(), f, std::forward<Tuples>(tuples));
}

/// The map beside the program: gives Async<std::vector<R>>, whose get() rethrows what the first failed task threw.
/// Ranges given as lvalues must outlive it and stay as they are.
template <class F, class... A>
auto amap(const Options& options, const F& f, A&&... arguments) {
  using T = typename detail::MapOf<F, A...>::Yield;
  return Async<std::vector<T>>(detail::start_map(options, true, f, std::forward<A>(arguments)...),
                               &detail::all_values<T>);
}
template <detail::NoOptions F, class... A>
auto amap(const F& f, A&&... arguments) {
  return amap(Options(), f, std::forward<A>(arguments)...);
}

/// One call beside the program: gives Async<R>, whose get() gives its result or rethrows what it threw.
template <class F, class... A>
auto apipe(const Options& options, const F& f, A&&... arguments) {
  using T = typename detail::CallOf<F, A...>::Yield;
  return Async<T>(detail::start_call(options, f, std::forward<A>(arguments)...), &detail::value_of_call<T>);
}
template <detail::NoOptions F, class... A>
auto apipe(const F& f, A&&... arguments) {
  return apipe(Options(), f, std::forward<A>(arguments)...);
}

/// combine(... combine(combine(init, f(x0)), f(x1)) ...), folded in the workers in leaves of consecutive inputs whose
/// size depends on their number alone, and the leaves in order here: bit-identical for any backend and number of
/// workers. As leaves are folded before init joins them, combine must be associative up to rounding. Rethrows what the
/// first failed task threw, f or combine.
template <class F, class C, class T, std::ranges::input_range R>
T map_reduce(const Options& options, const F& f, const C& combine, T init, R&& inputs) {
  const auto leaves = detail::leaves_of(inputs);
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
/// attach) as well as by attach() in this or another program. All inputs are read before submit returns. Throws
/// std::runtime_error when the queue or the disk refuses the job.
template <class F, class... A>
std::string submit(const Options& options, const F& f, A&&... arguments) {
  detail::MapOf<F, A...> made(options.seed, f, std::forward<A>(arguments)...);
  made.call.once = true;
  made.call.columns[detail::kGlobalsColumn].value.bytes = detail::encoded(detail::capture_globals());
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

template <class F>
requires(!std::is_same_v<std::remove_cvref_t<F>, Initialiser>) Initialiser::Initialiser(F f)
    : make_([f] { return std::move(detail::CallOf<F>(0, f).call); }) {}

}  // namespace jobhost
