#include "cli/input_arguments.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/suggest.hpp"
#include "bundle/pack.hpp"
#include "cli/input_spec.hpp"
#include "cli/row_input.hpp"

namespace jobhost::cli {
namespace {

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
                      (near ? "did you mean '" + *near + "'?   " : "") + kernel_.signature);
  }

  std::uint32_t bind(std::uint32_t parameter) {
    if (bound_[parameter]) throw refusal("parameter '" + kernel_.parameters[parameter].name + "' is given twice");
    bound_[parameter] = true;
    return parameter;
  }

  std::optional<std::uint32_t> first_unbound() const {
    const auto found = std::find(bound_.begin(), bound_.end(), false);
    if (found == bound_.end()) return std::nullopt;
    return static_cast<std::uint32_t>(found - bound_.begin());
  }

  /// Runs `parse` and puts the parameter's name before what it complains about.
  template <class Parse>
  Values parse(std::uint32_t parameter, Parse parse) {
    try {
      return parse(kernel_.parameters[parameter].type);
    } catch (const base::Error& error) {
      throw refusal("parameter '" + kernel_.parameters[parameter].name + "': " + error.what());
    }
  }

  /// An axis of its own.
  void add(std::uint32_t parameter, Values values) {
    bundle::Axis axis;
    axis.length = values.count;
    axis.sources.push_back(source(parameter, std::move(values)));
    inputs_.axes.push_back(std::move(axis));
  }

  /// All lists side by side; single values repeat.
  void add_zipped(std::vector<std::pair<std::uint32_t, Values>> lists) {
    bundle::Axis axis;
    std::string longest;
    for (const auto& [parameter, values] : lists) {
      if (values.count == 1) continue;
      const std::string& name = kernel_.parameters[parameter].name;
      if (axis.length != 1 && axis.length != values.count) {
        throw refusal("--zip needs lists of one length: '" + longest + "' has " + std::to_string(axis.length) +
                      " values, '" + name + "' has " + std::to_string(values.count));
      }
      axis.length = values.count;
      longest = name;
    }
    for (auto& [parameter, values] : lists) axis.sources.push_back(source(parameter, std::move(values)));
    inputs_.axes.push_back(std::move(axis));
  }

  template <class Read>
  void add_rows(const std::string& path, Read read) {
    std::unique_ptr<bundle::PackWriter> writer;
    bundle::Axis axis;
    const auto number = static_cast<std::uint32_t>(inputs_.packs.size());
    read(env_, path, kernel_, [&](const std::vector<std::uint32_t>& parameters) -> bundle::PackWriter& {
      std::vector<schema::Type> types;
      for (std::uint32_t column = 0; column < parameters.size(); ++column) {
        types.push_back(kernel_.parameters[parameters[column]].type);
        axis.sources.push_back({bind(parameters[column]), bundle::Stored{number, column}});
      }
      writer = std::make_unique<bundle::PackWriter>(env_, directory_, pack_name(), types);
      return *writer;
    });
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

  bundle::Inputs finish() {
    for (std::uint32_t p = 0; p < parameters_given(); ++p) {
      if (bound_[p]) continue;
      const auto& parameter = kernel_.parameters[p];
      throw base::Error(base::ExitCode::kUsage,
                        "parameter '" + parameter.name + "' of '" + kernel_.name + "' has no value",
                        kernel_.signature + "\ngive it as " + parameter.name + "=VALUE");
    }
    return std::move(inputs_);
  }

 private:
  std::string pack_name() const {
    char name[32];
    std::snprintf(name, sizeof name, "inputs/%04u", static_cast<unsigned>(inputs_.packs.size()));
    return name;
  }

  bundle::Source source(std::uint32_t parameter, Values values) {
    if (auto* constant = std::get_if<bundle::Constant>(&values.what)) return {parameter, std::move(*constant)};
    if (auto* range = std::get_if<bundle::IntegerRange>(&values.what)) return {parameter, *range};
    if (auto* line = std::get_if<bundle::FloatRange>(&values.what)) return {parameter, *line};
    const auto number = static_cast<std::uint32_t>(inputs_.packs.size());
    bundle::PackWriter writer(env_, directory_, pack_name(), {kernel_.parameters[parameter].type});
    for (const auto& value : std::get<std::vector<base::Bytes>>(values.what)) {
      writer.append(0, value);
      writer.end_row();
    }
    inputs_.packs.push_back(writer.finish());
    return {parameter, bundle::Stored{number, 0}};
  }

  base::Env& env_;
  const schema::Kernel& kernel_;
  std::string directory_;
  std::vector<bool> bound_;
  bundle::Inputs inputs_;
};

}  // namespace

bundle::Inputs make_inputs(base::Env& env, const InputArguments& arguments, schema::Kernel& kernel,
                           const std::string& job_directory) {
  InputBuilder builder(env, kernel, job_directory);
  std::vector<std::pair<std::uint32_t, Values>> lists;
  for (const auto& word : arguments.assignments) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw builder.refusal("'" + word + "' is not an input: write NAME=VALUES, or ::: before a list of values");
    }
    const bool literal = word[equals - 1] == ':';
    const std::uint32_t parameter = builder.bind(word.substr(0, equals - (literal ? 1 : 0)));
    lists.emplace_back(parameter, builder.parse(parameter, [&](const schema::Type& type) {
      return parse_spec(type, word.substr(equals + 1), literal);
    }));
  }
  if (!arguments.csv.empty()) builder.add_rows(arguments.csv, &read_csv);
  if (!arguments.jsonl.empty()) builder.add_rows(arguments.jsonl, &read_jsonl);
  const bool rows = !arguments.csv.empty() || !arguments.jsonl.empty();
  for (const auto& words : arguments.positional) {
    const auto parameter = builder.first_unbound();
    if (!parameter) {
      throw builder.refusal("there are more ::: lists than parameters without a value");
    }
    builder.bind(*parameter);
    if (words.empty()) throw builder.refusal("a ::: list is empty");
    lists.emplace_back(*parameter,
                       builder.parse(*parameter, [&](const schema::Type& type) { return parse_list(type, words); }));
  }
  if (arguments.zip) {
    builder.add_zipped(std::move(lists));
  } else {
    for (auto& [parameter, values] : lists) {
      if (rows && values.count > 1) {
        throw builder.refusal("with --csv or --jsonl every other parameter has one value, but '" +
                              kernel.parameters[parameter].name + "' has " + std::to_string(values.count));
      }
      builder.add(parameter, std::move(values));
    }
  }
  bundle::Inputs inputs = builder.finish();
  if (const std::size_t count = builder.parameters_given(); count < kernel.parameters.size()) {
    kernel = schema::with_fewer(kernel, count);
  }
  return inputs;
}

}  // namespace jobhost::cli
