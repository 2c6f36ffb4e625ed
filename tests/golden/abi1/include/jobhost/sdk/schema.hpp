#pragma once

#include "jobhost/sdk/kernel.hpp"
#include "jobhost/sdk/version.h"

/// C++ types to the JSON of the schema section, at compile time (docs/plugin_abi.md has the grammar).
namespace jobhost::sdk {

/// Counts or stores characters; the same writing runs twice.
class Text {
 public:
  constexpr explicit Text(char* place = nullptr) : place_(place) {}
  constexpr void put(char c) {
    if (place_) place_[size_] = c;
    ++size_;
  }
  constexpr void put(const char* text) {
    while (*text != '\0') put(*text++);
  }
  constexpr void put(Name name) {
    for (std::size_t i = 0; i < name.size; ++i) put(name.text[i]);
  }
  constexpr void number(std::size_t value) {
    if (value >= 10) number(value / 10);
    put(static_cast<char>('0' + value % 10));
  }
  constexpr std::size_t size() const { return size_; }

 private:
  char* place_;
  std::size_t size_ = 0;
};

template <std::size_t N>
struct Characters {
  char text[N];
};

/// The compiler's spelling of a type.
template <class T>
consteval Name type_name() {
  const char* text = __PRETTY_FUNCTION__;  // "... [with T = Point; ...]"
  std::size_t begin = 0;
  while (!(text[begin] == 'T' && text[begin + 1] == ' ' && text[begin + 2] == '=')) ++begin;
  begin += 4;
  std::size_t end = begin;
  int depth = 0;
  while (text[end] != '\0' && !(depth == 0 && (text[end] == ';' || text[end] == ']'))) {
    if (text[end] == '<' || text[end] == '(' || text[end] == '[') ++depth;
    if (text[end] == '>' || text[end] == ')' || text[end] == ']') --depth;
    ++end;
  }
  return {text + begin, end - begin};
}

template <class T>
constexpr void put_integer(Text& out) {
  out.put(std::is_signed_v<T> ? 'i' : 'u');
  out.number(8 * sizeof(T));
}

template <class T>
constexpr void put_type(Text& out);

template <class... T>
constexpr void put_types(Text& out, TypeList<T...>) {
  bool first = true;
  ((first ? void() : out.put(','), first = false, put_type<T>(out)), ...);
}
template <class T, std::size_t... I>
constexpr void put_elements(Text& out, std::index_sequence<I...>) {
  put_types(out, TypeList<Plain<std::tuple_element_t<I, T>>...>{});
}
template <class T, class... F, std::size_t... I>
constexpr void put_fields(Text& out, TypeList<F...>, std::index_sequence<I...>) {
  ((I == 0 ? void() : out.put(','), out.put("[\""), out.put(field_name<T, I>()), out.put("\","), put_type<F>(out),
    out.put(']')),
   ...);
}

// One dimension of a matrix: an array when every dimension is known to the compiler, else a vector.
template <class T>
constexpr void open_extent(Text& out) {
  out.put(fixed_size<T>() != 0 ? "{\"array\":" : "{\"vector\":");
}
template <class T>
constexpr void close_extent(Text& out, int extent) {
  if (fixed_size<T>() != 0) {
    out.put(",\"size\":");
    out.number(static_cast<std::size_t>(extent));
  }
  out.put('}');
}

template <class T>
constexpr void put_type(Text& out) {
  if constexpr (std::is_void_v<T>) {
    out.put("\"void\"");
  } else if constexpr (std::is_same_v<T, bool>) {
    out.put("\"bool\"");
  } else if constexpr (std::is_same_v<T, char>) {
    out.put("\"char\"");
  } else if constexpr (std::is_enum_v<T>) {
    out.put("{\"enum\":\"");
    out.put(type_name<T>());
    out.put("\",\"of\":\"");
    put_integer<std::underlying_type_t<T>>(out);
    out.put("\"}");
  } else if constexpr (std::is_integral_v<T>) {
    out.put('"');
    put_integer<T>(out);
    out.put('"');
  } else if constexpr (std::is_floating_point_v<T>) {
    out.put(sizeof(T) == 4 ? "\"f32\"" : sizeof(T) == 8 ? "\"f64\"" : "\"f80\"");
  } else if constexpr (CharacterRange<T> || CString<T> || Path<T>) {
    out.put("\"string\"");
  } else if constexpr (Duration<T>) {
    put_type<typename T::rep>(out);
  } else if constexpr (Complex<T>) {
    out.put("{\"struct\":\"");
    out.put(type_name<T>());
    out.put("\",\"fields\":[[\"real\",");
    put_type<typename T::value_type>(out);
    out.put("],[\"imag\",");
    put_type<typename T::value_type>(out);
    out.put("]]}");
  } else if constexpr (UniquePointer<T>) {
    out.put("{\"pointer\":");
    put_type<Plain<typename T::element_type>>(out);
    out.put('}');
  } else if constexpr (Variant<T>) {
    out.put("{\"variant\":[");
    put_types(out, Alternatives<T>{});
    out.put("]}");
  } else if constexpr (Matrix<T>) {
    open_extent<T>(out);
    if constexpr (!Row<T>) open_extent<T>(out);
    put_type<typename T::Scalar>(out);
    close_extent<T>(out, Row<T> ? T::SizeAtCompileTime : T::ColsAtCompileTime);
    if constexpr (!Row<T>) close_extent<T>(out, T::RowsAtCompileTime);
  } else if constexpr (RowView<T>) {
    out.put("{\"vector\":");
    put_type<typename T::Scalar>(out);
    out.put('}');
  } else if constexpr (MatrixView<T>) {
    out.put("{\"struct\":\"");
    out.put(type_name<T>());
    out.put("\",\"fields\":[[\"rows\",\"u64\"],[\"cols\",\"u64\"],[\"values\",{\"vector\":");
    put_type<typename T::Scalar>(out);
    out.put("}]]}");
  } else if constexpr (Set<T>) {
    out.put("{\"vector\":");
    put_type<typename T::key_type>(out);
    out.put('}');
  } else if constexpr (std::is_bounded_array_v<T>) {
    out.put("{\"array\":");
    put_type<std::remove_cv_t<std::remove_extent_t<T>>>(out);
    out.put(",\"size\":");
    out.number(std::extent_v<T>);
    out.put('}');
  } else if constexpr (Map<T>) {
    out.put("{\"map\":[");
    put_types(out, TypeList<typename T::key_type, typename T::mapped_type>{});
    out.put("]}");
  } else if constexpr (Optional<T>) {
    out.put("{\"optional\":");
    put_type<Plain<typename T::value_type>>(out);
    out.put('}');
  } else if constexpr (StdArray<T>) {
    out.put("{\"array\":");
    put_type<Plain<typename T::value_type>>(out);
    out.put(",\"size\":");
    out.number(std::tuple_size_v<T>);
    out.put('}');
  } else if constexpr (Sequence<T> || Span<T>) {
    out.put("{\"vector\":");
    put_type<Plain<typename T::value_type>>(out);
    out.put('}');
  } else if constexpr (TupleLike<T>) {
    out.put("{\"tuple\":[");
    put_elements<T>(out, std::make_index_sequence<std::tuple_size_v<T>>{});
    out.put("]}");
  } else if constexpr (!fields_travel<T>()) {
    out.put("{\"json\":\"");
    out.put(type_name<T>());
    out.put("\"}");
  } else {
    out.put("{\"struct\":\"");
    out.put(type_name<T>());
    out.put("\",\"fields\":[");
    put_fields<T>(out, FieldTypes<T>{}, std::make_index_sequence<count_fields<T>()>{});
    out.put("]}");
  }
}

/// Names for parameters of functions that the scanner could not read.
inline constexpr const char* kUnnamed[] = {"arg1",  "arg2",  "arg3",  "arg4",  "arg5",  "arg6",  "arg7",  "arg8",
                                           "arg9",  "arg10", "arg11", "arg12", "arg13", "arg14", "arg15", "arg16",
                                           "arg17", "arg18", "arg19", "arg20", "arg21", "arg22", "arg23", "arg24",
                                           "arg25", "arg26", "arg27", "arg28", "arg29", "arg30", "arg31", "arg32"};
inline constexpr const char* kUntyped[] = {"", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "",
                                           "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", ""};

/// What the scanner read in the source; all texts are escaped for JSON.
struct Source {
  const char *name, *symbol, *signature, *file, *line, *doc;
  const char* const* parameters;  // one name per parameter
  const char* const* types;       // one spelling per parameter, "" when not known
  const char* fewer;              // counts of arguments, separated by commas, with which it may be called as well
};

constexpr bool is_result(const char* name) {
  const char* word = "result";
  while (*name != '\0' && *name == *word) ++name, ++word;
  return *name == *word;
}

/// The type of what a task yields: the function's result; with in-out parameters a struct of both, or just the value of
/// the only one when the function returns nothing.
template <class R, class... P>
constexpr void put_outcome(Text& out, const Source& source) {
  constexpr std::size_t kParts = Outcome<R, P...>::kParts;
  if constexpr (kParts == 0 || (kParts == 1 && !std::is_void_v<R>)) {
    put_type<Plain<R>>(out);
  } else {
    if constexpr (kParts > 1) out.put("{\"struct\":\"results\",\"fields\":[");
    bool first = true;
    if constexpr (!std::is_void_v<R>) {
      out.put("[\"result\",");
      put_type<Plain<R>>(out);
      out.put(']');
      first = false;
    }
    [[maybe_unused]] std::size_t i = 0;
    [[maybe_unused]] const auto put_part = [&]<class Q>(TypeList<Q>) {
      if constexpr (InOut<Q>) {
        if constexpr (kParts > 1) {
          out.put(first ? "[\"" : ",[\"");
          if (is_result(source.parameters[i])) out.put("arg.");
          out.put(source.parameters[i]);
          out.put("\",");
        }
        put_type<Plain<Q>>(out);
        if constexpr (kParts > 1) out.put(']');
        first = false;
      }
      ++i;
    };
    (put_part(TypeList<P>{}), ...);
    if constexpr (kParts > 1) out.put("]}");
  }
}

template <class R, class... P>
constexpr void put_kernel(Text& out, const Source& source, R (*)(P...)) {
  out.put("{\"name\":\"");
  out.put(source.name);
  out.put("\",\"symbol\":\"");
  out.put(source.symbol);
  out.put("\",\"signature\":\"");
  out.put(source.signature);
  out.put("\",\"file\":\"");
  out.put(source.file);
  out.put("\",\"line\":");
  out.put(source.line);
  out.put(",\"doc\":\"");
  out.put(source.doc);
  out.put("\",\"params\":[");
  [[maybe_unused]] std::size_t i = 0;
  ((out.put(i == 0 ? "{\"name\":\"" : ",{\"name\":\""), out.put(source.parameters[i++]), out.put("\",\"type\":"),
    put_type<Plain<P>>(out), out.put(InOut<P> ? ",\"inout\":true}" : "}")),
   ...);
  out.put("],\"fewer\":[");
  out.put(source.fewer);
  out.put("],\"result\":");
  put_outcome<R, P...>(out, source);
  out.put('}');
}

template <class P>
constexpr bool put_obstacle(Text& out, const char* name, const char* spelling, bool quoted) {
  if (parameter_travels<P>()) return false;
  const char* quote = quoted ? "'" : "";
  out.put("parameter ");
  out.put(quote);
  out.put(name);
  out.put(quote);
  out.put(" of type ");
  if (*spelling != '\0') {
    out.put(spelling);
  } else {
    out.put(type_name<P>());
  }
  out.put(" cannot travel");
  return true;
}

template <class R, class... P>
constexpr void put_reason(Text& out, const Source& source, R (*)(P...)) {
  [[maybe_unused]] std::size_t i = 0;
  bool found = false;
  ((found = found || put_obstacle<P>(out, source.parameters[i], source.types[i], true), ++i), ...);
  if (found) return;
  out.put("its result of type ");
  out.put(type_name<R>());
  out.put(" cannot travel");
}

/// One kernel (`kernel` true) or one skipped function, or nothing when `Function` is the other kind.
template <auto Function>
constexpr void put_function(Text& out, const Source& source, bool kernel, bool& first) {
  constexpr bool kTravels = Signature<decltype(Function)>::kTravels;
  if (kTravels != kernel) return;
  if (!first) out.put(',');
  first = false;
  if constexpr (kTravels) {
    put_kernel(out, source, Function);
  } else {
    out.put("{\"name\":\"");
    out.put(source.name);
    out.put("\",\"reason\":\"");
    put_reason(out, source, Function);
    out.put("\",\"file\":\"");
    out.put(source.file);
    out.put("\",\"line\":");
    out.put(source.line);
    out.put('}');
  }
}

/// What is known of a global variable besides its type; texts are ready to stand in JSON.
struct GlobalSource {
  const char* name;
  const char* setter;
  const char* getter;
  const char* file;
  const char* line;
  bool declared;
};

/// A global variable, or nothing when its type cannot travel.
template <class T>
constexpr void put_global(Text& out, T*, const GlobalSource& source, bool& first) {
  if constexpr (is_settable<T>()) {
    out.put(first ? "{\"name\":\"" : ",{\"name\":\"");
    first = false;
    out.put(source.name);
    out.put("\",\"symbol\":\"");
    out.put(source.setter);
    out.put("\",\"get\":\"");
    out.put(source.getter);
    out.put("\",\"type\":");
    put_type<T>(out);
    out.put(",\"declared\":");
    out.put(source.declared ? "true" : "false");
    out.put(",\"file\":\"");
    out.put(source.file);
    out.put("\",\"line\":");
    out.put(source.line);
    out.put('}');
  }
}

/// A line of the notes section for a skipped function.
template <auto Function>
constexpr void put_note(Text& out, const Source& source) {
  if constexpr (!Signature<decltype(Function)>::kTravels) {
    out.put(source.file);
    out.put(':');
    out.put(source.line);
    out.put(": note: '");
    out.put(source.name);
    out.put("' is not a kernel: ");
    put_reason(out, source, Function);
    out.put('\n');
  }
}

/// `commit`: of the source's repository, "" outside of one; `dirty`: it has changes that are not committed.
constexpr void put_head(Text& out, const char* commit, bool dirty) {
  out.put("{\"abi\":");
  out.number(JOBHOST_ABI);
  out.put(",\"jobhost\":\"" JOBHOST_VERSION "\",\"compiler\":\"");
#ifdef __clang__
  out.put("clang++ " __clang_version__);
#else
  out.put("g++ " __VERSION__);
#endif
  if (*commit != '\0') {
    out.put("\",\"source\":{\"commit\":\"");
    out.put(commit);
    out.put("\",\"dirty\":");
    out.put(dirty ? "true" : "false");
    out.put("},\"cpu\":[");
  } else {
    out.put("\",\"cpu\":[");
  }
  bool first = true;
  [[maybe_unused]] const auto feature = [&](const char* name) {
    out.put(first ? "\"" : ",\"");
    first = false;
    out.put(name);
    out.put('"');
  };
#ifdef __SSE3__
  feature("sse3");
#endif
#ifdef __SSSE3__
  feature("ssse3");
#endif
#ifdef __SSE4_1__
  feature("sse4.1");
#endif
#ifdef __SSE4_2__
  feature("sse4.2");
#endif
#ifdef __POPCNT__
  feature("popcnt");
#endif
#ifdef __AVX__
  feature("avx");
#endif
#ifdef __AVX2__
  feature("avx2");
#endif
#ifdef __FMA__
  feature("fma");
#endif
#ifdef __BMI__
  feature("bmi");
#endif
#ifdef __BMI2__
  feature("bmi2");
#endif
#ifdef __LZCNT__
  feature("lzcnt");
#endif
#ifdef __MOVBE__
  feature("movbe");
#endif
#ifdef __F16C__
  feature("f16c");
#endif
#ifdef __AES__
  feature("aes");
#endif
#ifdef __PCLMUL__
  feature("pclmul");
#endif
#ifdef __AVX512F__
  feature("avx512f");
#endif
#ifdef __AVX512DQ__
  feature("avx512dq");
#endif
#ifdef __AVX512BW__
  feature("avx512bw");
#endif
#ifdef __AVX512VL__
  feature("avx512vl");
#endif
#ifdef __AVX512CD__
  feature("avx512cd");
#endif
#ifdef __AVX512VNNI__
  feature("avx512vnni");
#endif
#ifdef __AVX512BF16__
  feature("avx512bf16");
#endif
#ifdef __AVX512FP16__
  feature("avx512fp16");
#endif
#ifdef __AVX512VBMI__
  feature("avx512vbmi");
#endif
#ifdef __AVX512VBMI2__
  feature("avx512vbmi2");
#endif
#ifdef __AVX512IFMA__
  feature("avx512ifma");
#endif
#ifdef __AVX512BITALG__
  feature("avx512bitalg");
#endif
#ifdef __AVX512VPOPCNTDQ__
  feature("avx512vpopcntdq");
#endif
#ifdef __AVXVNNI__
  feature("avxvnni");
#endif
#ifdef __GFNI__
  feature("gfni");
#endif
#ifdef __VAES__
  feature("vaes");
#endif
#ifdef __VPCLMULQDQ__
  feature("vpclmulqdq");
#endif
#ifdef __SHA__
  feature("sha");
#endif
#ifdef __ADX__
  feature("adx");
#endif
#ifdef __RDRND__
  feature("rdrnd");
#endif
#ifdef __RDSEED__
  feature("rdseed");
#endif
#ifdef __AMX_TILE__
  feature("amx-tile");
#endif
#ifdef __AMX_INT8__
  feature("amx-int8");
#endif
#ifdef __AMX_BF16__
  feature("amx-bf16");
#endif
#ifdef __SSE4A__
  feature("sse4a");
#endif
#ifdef __FMA4__
  feature("fma4");
#endif
#ifdef __XOP__
  feature("xop");
#endif
#ifdef __TBM__
  feature("tbm");
#endif
#ifdef __LWP__
  feature("lwp");
#endif
  out.put("],");
}

/// Writes with `put(Text&)` twice: once to count, once to store.
template <auto Put>
consteval auto characters() {
  Text count;
  Put(count);
  return count.size();
}
template <std::size_t N, class Put>
consteval Characters<N> fill(Put put) {
  Characters<N> result{};
  Text out(result.text);
  put(out);
  return result;
}

}  // namespace jobhost::sdk
