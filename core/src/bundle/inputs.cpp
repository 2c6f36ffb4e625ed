#include "bundle/inputs.hpp"

#include <map>
#include <utility>

#include "base/error.hpp"
#include "base/malformed.hpp"
#include "schema/value.hpp"

namespace jobhost::bundle {
namespace {

using schema::Kind;

/// Whether values from there can be of the type.
bool fits(const Axis& axis, const Source& source, const schema::Type& type) {
  const bool integer = type.kind == Kind::kInteger || type.kind == Kind::kEnumeration;
  if (const auto* constant = std::get_if<Constant>(&source.values)) {
    return schema::encoded_size(type, constant->value) == constant->value.size();
  }
  if (std::holds_alternative<IntegerRange>(source.values)) return integer;
  if (std::holds_alternative<Seeds>(source.values)) return integer && axis.length == 1;
  return std::holds_alternative<Stored>(source.values) || type.kind == Kind::kFloating;
}

}  // namespace

std::vector<bool> common_parameters(const Inputs& inputs, const schema::Kernel& kernel) {
  std::vector<bool> common(kernel.parameters.size());
  for (const auto& axis : inputs.axes) {
    for (const auto& source : axis.sources) common.at(source.parameter) = source.common;
  }
  return common;
}

std::uint64_t task_count(const Inputs& inputs) {
  constexpr std::uint64_t kMaxTasks = std::uint64_t{1} << 47;
  std::uint64_t count = 1;
  bool empty = false;
  for (const auto& axis : inputs.axes) empty = empty || axis.length == 0;
  if (empty) return 0;
  for (const auto& axis : inputs.axes) {
    if (axis.length > kMaxTasks / count) {
      throw base::Error(base::ExitCode::kUsage, "the inputs make more than 2^47 tasks",
                        "use fewer values per parameter, or --zip to pair them");
    }
    count *= axis.length;
  }
  return count;
}

void check_fit(const Inputs& inputs, const schema::Kernel& kernel) {
  std::vector<bool> given(kernel.parameters.size(), false);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::optional<std::uint64_t>> columns;
  for (const auto& axis : inputs.axes) {
    for (const auto& source : axis.sources) {
      if (source.parameter >= given.size()) throw base::Malformed{"the inputs have values for more parameters"};
      const auto& [name, type, in_out] = kernel.parameters[source.parameter];
      if (given[source.parameter]) throw base::Malformed{"parameter '" + name + "' gets its values from two places"};
      given[source.parameter] = true;
      if (!fits(axis, source, type)) {
        throw base::Malformed{"the values of parameter '" + name + "' are not of type " + schema::cpp_name(type)};
      }
      const auto* stored = std::get_if<Stored>(&source.values);
      if (!stored) continue;
      const auto size = schema::fixed_size(type);
      const auto column = columns.try_emplace({stored->pack, stored->column}, size).first;
      if (column->second != size) throw base::Malformed{"parameters of different types share a column"};
    }
  }
  for (std::size_t p = 0; p < given.size(); ++p) {
    if (!given[p]) throw base::Malformed{"the inputs have no values for parameter '" + kernel.parameters[p].name + "'"};
  }
}

}  // namespace jobhost::bundle
