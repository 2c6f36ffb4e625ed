#include "cli/input_arguments.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/suggest.hpp"
#include "bundle/pack.hpp"
#include "cli/input_spec.hpp"
#include "cli/latin_hypercube.hpp"
#include "cli/npy_input.hpp"
#include "cli/row_input.hpp"
#include "cli/signals.hpp"
#include "cli/text_table.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

/// The values of one parameter.
struct List {
  std::uint32_t parameter;
  std::uint64_t count;
  std::variant<decltype(Values::what), std::shared_ptr<NpyArray>> what;
  bool common = false;
};

/// A parameter whose values are sampled between two numbers.
struct Range {
  std::uint32_t parameter;
  double first, last;
};

class InputBuilder {
 public:
  InputBuilder(base::Env& env, const schema::Kernel& kernel, std::string directory)
      : env_(env), kernel_(kernel), directory_(std::move(directory)), bound_(kernel.parameters.size(), false) {}

  base::Error refusal(const std::string& why) const { return {base::ExitCode::kUsage, why, kernel_.signature}; }

  std::uint32_t bind(const std::string& name) {
    std::vector<std::string> names;
    for (std::uint32_t p = 0; p < kernel_.parameters.size(); ++p) {
      if (kernel_.parameters[p].name == name || "arg." + kernel_.parameters[p].name == name) return bind(p);
      names.push_back(kernel_.parameters[p].name);
    }
    const auto near = base::nearest(name, names);
    throw base::Error(base::ExitCode::kUsage, "'" + kernel_.name + "' has no parameter '" + name + "'",
                      (near ? "did you mean '" + *near + "'?\n" : "") + kernel_.signature);
  }

  std::uint32_t bind(std::uint32_t parameter) {
    if (bound_[parameter]) throw refusal("parameter '" + kernel_.parameters[parameter].name + "' is given twice");
    bound_[parameter] = true;
    return parameter;
  }

  std::vector<std::uint32_t> unbound() const {
    std::vector<std::uint32_t> parameters;
    for (std::uint32_t p = 0; p < bound_.size(); ++p) {
      if (!bound_[p]) parameters.push_back(p);
    }
    return parameters;
  }

  /// Runs `parse` and puts the parameter's name before what it complains about.
  template <class Parse>
  List parse(std::uint32_t parameter, Parse parse) {
    try {
      Values values = parse(kernel_.parameters[parameter].type);
      return {parameter, values.count, std::move(values.what)};
    } catch (const base::Error& error) {
      throw refusal("parameter '" + kernel_.parameters[parameter].name + "': " + error.what());
    }
  }

  /// Lists side by side as one axis; single values repeat. `what` asks for lists of one length.
  void add(std::vector<List> lists, const std::string& what) {
    bundle::Axis axis;
    std::string longest;
    for (const auto& list : lists) {
      if (list.count == 1) continue;
      const std::string& name = kernel_.parameters[list.parameter].name;
      if (axis.length != 1 && axis.length != list.count) {
        throw refusal(what + " needs lists of one length: '" + longest + "' has " + std::to_string(axis.length) +
                      " values, '" + name + "' has " + std::to_string(list.count));
      }
      axis.length = list.count;
      longest = name;
    }
    for (auto& list : lists) {
      // On an axis of its own, a single value is that of all tasks.
      const bool repeats = list.count == 1 && axis.length != 1;
      auto& sources = repeats ? inputs_.axes.emplace_back().sources : axis.sources;
      const bool common = list.common;
      sources.push_back(source(std::move(list)));
      sources.back().common = common;
    }
    inputs_.axes.push_back(std::move(axis));
  }

  /// A value that may be large: kept as a row of a pack, which all workers of a machine map.
  List common(std::uint32_t parameter, const std::string& text) {
    const auto& [name, type, in_out] = kernel_.parameters[parameter];
    if (in_out) {
      throw refusal("parameter '" + name + "' cannot be common to all tasks: the kernel changes it");
    }
    base::Bytes value;
    std::string why;
    if (text.starts_with('@') && text.ends_with(".npy")) {
      const NpyArray array(env_, text.substr(1));
      why = array.encode_all(type, value);
      was_read(array.path(), array.sha256());
    } else if (text.starts_with('@')) {
      const std::string path = text.substr(1);
      const base::File file = open_regular(env_, path);
      base::Bytes content(file.size());
      content.resize(file.read_at(0, content));
      was_read(path, base::sha256_hex(content));
      if (is_table(type) && !is_json_list(base::as_text(content))) {
        why = encode_table(type, path, base::as_text(content), value);
        if (!why.empty())
          throw base::Error(base::ExitCode::kUsage, "parameter '" + name + "': " + why, table_hint(type));
      } else {
        why = schema::encode_text(type, base::as_text(content), value);
      }
    } else {
      why = schema::encode_text(type, text, value);
    }
    if (!why.empty()) throw refusal("parameter '" + name + "': " + why);
    return {parameter, 1, std::vector<base::Bytes>{std::move(value)}, true};
  }

  List array(std::uint32_t parameter, const std::string& path) {
    auto values = std::make_shared<NpyArray>(env_, path);
    was_read(path, values->sha256());
    const std::uint64_t count = values->rows();
    return {parameter, count, std::move(values)};
  }

  void was_read(const std::string& path, std::string sha256) {
    for (const auto& file : files_) {
      if (file.path == path) return;
    }
    files_.push_back({path, std::move(sha256)});
  }

  /// An axis without values: seeds are all that differs along it.
  void add_repeats(std::uint64_t count) {
    if (count > 1) inputs_.axes.push_back({count, {}});
  }

  /// The coordinates of a Latin hypercube between the ends of a range.
  List sample(const Range& range, std::uint64_t points, std::uint64_t coordinate, std::uint64_t seed) {
    const auto& [name, type, in_out] = kernel_.parameters[range.parameter];
    const bool whole = type.kind == schema::Kind::kInteger;
    if (!whole && type.kind != schema::Kind::kFloating) {
      throw refusal("parameter '" + name + "': only numbers are sampled");
    }
    constexpr double kExact = 9007199254740992;  // 2^53: whole numbers up to there are doubles
    if (whole && (range.first < -kExact || range.last > kExact || range.first != std::floor(range.first) ||
                  range.last != std::floor(range.last))) {
      throw refusal("parameter '" + name + "': its range is from one whole number to another, of at most 2^53");
    }
    constexpr double kMostFloat = std::numeric_limits<float>::max();
    if (!whole && type.width == sizeof(float) && (range.first < -kMostFloat || range.last > kMostFloat)) {
      throw refusal("parameter '" + name + "': its range is too large for a float");
    }
    if (!std::isfinite(range.last - range.first)) {
      throw refusal("parameter '" + name + "': its range is wider than a double can be");
    }
    std::vector<base::Bytes> values;
    for (const double place : latin_hypercube(points, coordinate, seed)) {
      Signals::throw_if_asked();
      const double width = range.last - range.first;
      char text[32];
      char* const end = whole ? std::to_chars(text, text + sizeof text,
                                              static_cast<std::int64_t>(range.first + std::floor(place * (width + 1))))
                                    .ptr
                              : std::to_chars(text, text + sizeof text, range.first + place * width).ptr;
      const std::string why = schema::encode_text(type, std::string_view(text, static_cast<std::size_t>(end - text)),
                                                  values.emplace_back());
      if (!why.empty()) throw refusal("parameter '" + name + "': " + why);
    }
    return {range.parameter, points, std::move(values)};
  }

  bool takes_seeds() const {
    for (std::uint32_t p = 0; p < kernel_.parameters.size(); ++p) {
      if (!bound_[p] && kernel_.parameters[p].name == "seed") return true;
    }
    return false;
  }

  void add_seeds(std::uint64_t key) {
    for (std::uint32_t p = 0; p < kernel_.parameters.size(); ++p) {
      if (!is_seed(kernel_.parameters[p])) continue;
      inputs_.axes.push_back({1, {{bind(p), bundle::Seeds{key}}}});
      return;
    }
    throw refusal("--seed gives every task a number of its own as parameter 'seed', and '" + kernel_.name +
                  "' has no such integer parameter");
  }

  void add_rows(const RowFile& file) {
    std::unique_ptr<bundle::PackWriter> writer;
    bundle::Axis axis;
    const auto number = static_cast<std::uint32_t>(inputs_.packs.size());
    const OpenPack open = [&](const std::vector<std::uint32_t>& parameters) -> bundle::PackWriter& {
      std::vector<schema::Type> types;
      for (std::uint32_t column = 0; column < parameters.size(); ++column) {
        types.push_back(kernel_.parameters[parameters[column]].type);
        axis.sources.push_back({bind(parameters[column]), bundle::Stored{number, column}});
      }
      writer = std::make_unique<bundle::PackWriter>(env_, directory_, bundle::pack_name(inputs_.packs.size()), types);
      return *writer;
    };
    switch (file.format) {
      case RowFile::Format::kCsv:
        was_read(file.path, read_csv(env_, file.path, ',', kernel_, open));
        break;
      case RowFile::Format::kTsv:
        was_read(file.path, read_csv(env_, file.path, '\t', kernel_, open));
        break;
      case RowFile::Format::kJsonl:
        was_read(file.path, read_jsonl(env_, file.path, kernel_, open));
        break;
      case RowFile::Format::kNpy:
        was_read(file.path, read_npy(env_, file.path, kernel_, unbound(), open));
        break;
    }
    inputs_.packs.push_back(writer->finish());
    axis.length = inputs_.packs.back().rows;
    inputs_.axes.push_back(std::move(axis));
  }

  /// All, or those before the defaults that are left to the compiler.
  std::size_t parameters_given() const {
    std::size_t count = bound_.size();
    while (count > 0 && !bound_[count - 1]) --count;
    const auto& fewer = kernel_.fewer;
    return std::find(fewer.begin(), fewer.end(), count) == fewer.end() ? bound_.size() : count;
  }

  bool has_default(std::uint32_t parameter) const {
    return std::any_of(kernel_.fewer.begin(), kernel_.fewer.end(), [&](auto count) { return count <= parameter; });
  }

  bundle::Inputs finish() {
    for (std::uint32_t p = 0; p < parameters_given(); ++p) {
      if (bound_[p]) continue;
      const auto& parameter = kernel_.parameters[p];
      throw base::Error(
          base::ExitCode::kUsage, "parameter '" + parameter.name + "' of '" + kernel_.name + "' has no value",
          kernel_.signature + "\n" +
              (has_default(p) ? "its default counts only when no later parameter has a value, as in C++: " : "") +
              "give it as " + parameter.name + "=VALUE" +
              (is_seed(parameter) ? ", or --seed N: a number of its own for every task" : ""));
    }
    return std::move(inputs_);
  }
  std::vector<bundle::InputFile> files() { return std::move(files_); }

 private:
  bundle::Source source(List list) {
    const std::uint32_t parameter = list.parameter;
    const auto number = static_cast<std::uint32_t>(inputs_.packs.size());
    const schema::Type& type = kernel_.parameters[parameter].type;
    const auto store = [&](std::uint64_t rows, const auto& value_of) -> bundle::Source {
      bundle::PackWriter writer(env_, directory_, bundle::pack_name(inputs_.packs.size()), {type});
      for (std::uint64_t row = 0; row < rows; ++row) {
        Signals::throw_if_asked();
        writer.append(0, value_of(row));
        writer.end_row();
      }
      inputs_.packs.push_back(writer.finish());
      return {parameter, bundle::Stored{number, 0}};
    };
    if (const auto* array = std::get_if<std::shared_ptr<NpyArray>>(&list.what)) {
      base::Bytes value;
      return store(list.count, [&](std::uint64_t row) -> const base::Bytes& {
        value.clear();
        const std::string why = (*array)->encode_row(type, row, value);
        if (!why.empty()) {
          const auto& [name, wanted, in_out] = kernel_.parameters[parameter];
          base::Bytes whole;
          const bool fits = !in_out && (*array)->encode_all(wanted, whole).empty();
          throw base::Error(
              base::ExitCode::kUsage,
              "parameter '" + name + "': " + (*array)->path() + " row " + std::to_string(row) + ": " + why,
              kernel_.signature +
                  (fits ? "\nthe whole array as one value for every task: --common " + name + "=@" + (*array)->path()
                        : ""));
        }
        return value;
      });
    }
    return std::visit(
        [&](auto& values) -> bundle::Source {
          if constexpr (std::is_same_v<std::decay_t<decltype(values)>, std::vector<base::Bytes>>) {
            return store(values.size(), [&](std::uint64_t row) -> const base::Bytes& { return values[row]; });
          } else {
            return {parameter, std::move(values)};
          }
        },
        std::get<0>(list.what));
  }

  base::Env& env_;
  const schema::Kernel& kernel_;
  std::string directory_;
  std::vector<bool> bound_;
  bundle::Inputs inputs_;
  std::vector<bundle::InputFile> files_;
};

/// "NAME=TEXT", and whether the sign was ":=".
struct Named {
  std::string name, text;
  bool literal;
};

Named named(const std::string& word, const InputBuilder& builder) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw builder.refusal("'" + word + "' is not an input: write NAME=VALUES, or ::: before a list of values");
  }
  const bool literal = word[equals - 1] == ':';
  return {word.substr(0, equals - (literal ? 1 : 0)), word.substr(equals + 1), literal};
}

/// "0.5:2", what --sample takes its values from; nothing for other texts.
std::optional<std::pair<double, double>> range_in(const std::string& text) {
  double first = 0, last = 0;
  const char* const end = text.data() + text.size();
  const auto [colon, bad] = std::from_chars(text.data(), end, first);
  if (bad != std::errc() || colon == end || *colon != ':') return std::nullopt;
  const auto [stop, worse] = std::from_chars(colon + 1, end, last);
  if (worse != std::errc() || stop != end || !std::isfinite(first) || !std::isfinite(last)) return std::nullopt;
  return std::pair{first, last};
}

List list_of(const Assignment& assignment, InputBuilder& builder) {
  const Named word = named(assignment.text, builder);
  const std::string& text = word.text;
  const std::uint32_t parameter = builder.bind(word.name);
  switch (assignment.form) {
    case Assignment::Form::kCommon:
      return builder.common(parameter, text);
    case Assignment::Form::kLinspace:
      return builder.parse(parameter, [&](const schema::Type& type) { return parse_linspace(type, text); });
    case Assignment::Form::kLogspace:
      return builder.parse(parameter, [&](const schema::Type& type) { return parse_logspace(type, text); });
    case Assignment::Form::kSpec:
      break;
  }
  if (!word.literal && text.starts_with('@') && text.ends_with(".npy")) return builder.array(parameter, text.substr(1));
  try {
    return builder.parse(parameter, [&](const schema::Type& type) { return parse_spec(type, text, word.literal); });
  } catch (const base::Error& error) {
    if (word.literal || !range_in(text)) throw;
    throw base::Error(error.code(), error.what(),
                      error.hint() + "\nevenly spaced points: --linspace " + word.name + "=" + text + ":N, or " +
                          word.name + "=FIRST..LAST..STEP; random ones: --sample lhs:N");
  }
}

}  // namespace

bool is_seed(const schema::Parameter& parameter) {
  return parameter.name == "seed" && parameter.type.kind == schema::Kind::kInteger;
}

bundle::Inputs make_inputs(base::Env& env, const InputArguments& arguments, schema::Kernel& kernel,
                           const std::string& job_directory, std::vector<bundle::InputFile>* files) {
  InputBuilder builder(env, kernel, job_directory);
  std::vector<std::vector<List>> axes;
  std::vector<Range> ranges;
  for (const auto& assignment : arguments.assignments) {
    if (arguments.sample && assignment.form == Assignment::Form::kSpec) {
      const Named word = named(assignment.text, builder);
      if (const auto range = word.literal ? std::nullopt : range_in(word.text)) {
        ranges.push_back({builder.bind(word.name), range->first, range->second});
        continue;
      }
    }
    axes.emplace_back().push_back(list_of(assignment, builder));
  }
  if (arguments.sample) {
    if (ranges.empty()) throw builder.refusal("--sample wants ranges to take values from, as in x=0:1");
    std::vector<List> lists;
    for (const auto& range : ranges) {
      if (range.first > range.last) {
        throw builder.refusal("parameter '" + kernel.parameters[range.parameter].name +
                              "': its range ends before it begins");
      }
      lists.push_back(builder.sample(range, *arguments.sample, lists.size(), arguments.seed.value_or(0)));
    }
    builder.add(std::move(lists), "--sample");
  }
  if (arguments.seed && (!arguments.sample || builder.takes_seeds())) builder.add_seeds(*arguments.seed);
  if (arguments.rows) builder.add_rows(*arguments.rows);
  for (const auto& [words, linked] : arguments.positional) {
    const auto unbound = builder.unbound();
    if (unbound.empty()) throw builder.refusal("there are more ::: lists than parameters without a value");
    if (words.empty()) throw builder.refusal("a ::: list is empty");
    if (linked && axes.empty()) throw builder.refusal(":::+ pairs a list with the one before it, and there is none");
    const std::uint32_t parameter = builder.bind(unbound[0]);
    List list =
        builder.parse(parameter, [&words = words](const schema::Type& type) { return parse_list(type, words); });
    if (!linked) axes.emplace_back();
    axes.back().push_back(std::move(list));
  }
  if (arguments.zip) {
    std::vector<List> all;
    for (auto& axis : axes) std::move(axis.begin(), axis.end(), std::back_inserter(all));
    axes.clear();
    axes.push_back(std::move(all));
  }
  for (auto& axis : axes) {
    for (const auto& list : axis) {
      if (arguments.rows && list.count > 1) {
        throw builder.refusal("with rows from a file every other parameter has one value, but '" +
                              kernel.parameters[list.parameter].name + "' has " + std::to_string(list.count));
      }
    }
    builder.add(std::move(axis), arguments.zip ? "--zip" : ":::+");
  }
  builder.add_repeats(arguments.repeat);
  bundle::Inputs inputs = builder.finish();
  if (const std::size_t count = builder.parameters_given(); count < kernel.parameters.size()) {
    kernel = schema::with_fewer(kernel, count);
  }
  if (files) *files = builder.files();
  return inputs;
}

}  // namespace jobhost::cli
