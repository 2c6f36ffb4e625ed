#include "report/grid_maps.hpp"

#include <algorithm>
#include <cmath>

#include "bundle/input_reader.hpp"

namespace jobhost::report {
namespace {

std::uint64_t bin_at(const GridAxis& axis, std::uint64_t task) {
  const std::uint64_t position = task / axis.stride % axis.length;
  return axis.bins == axis.length
             ? position
             : static_cast<std::uint64_t>(static_cast<unsigned __int128>(position) * axis.bins / axis.length);
}

/// The parameter that an axis is named after, as the kernel is shown.
std::size_t parameter_of(const bundle::Axis& axis, const schema::Kernel& shown, std::size_t own) {
  for (const auto& source : axis.sources) {
    if (source.parameter >= own && number_of(shown.parameters[source.parameter - own].type))
      return source.parameter - own;
  }
  return axis.sources.front().parameter - own;
}

}  // namespace

GridMaps::GridMaps(base::Env& env, const host::Job& job, std::size_t columns) {
  const auto& manifest = job.manifest;
  const auto shown = schema::as_shown(manifest.kernel);
  std::uint64_t stride = manifest.tasks;
  std::vector<std::size_t> parameters;
  for (const auto& axis : manifest.inputs.axes) {
    if (axis.length > 0) stride /= axis.length;
    if (axis.length < 2 || axis.sources.empty()) continue;
    parameters.push_back(parameter_of(axis, shown, manifest.kernel.own));
    axes_.push_back({shown.parameters[parameters.back()].name, {}, false, axis.length, 0, stride});
  }
  if (axes_.size() < 2 || axes_.size() > 3 || columns == 0) {
    axes_.clear();
    return;
  }
  const std::size_t pairs = axes_.size() == 2 ? 1 : 3;
  const auto side = std::min<std::uint64_t>(
      kSide, static_cast<std::uint64_t>(std::sqrt(static_cast<double>(kCells / (pairs * columns)))));
  bundle::InputReader inputs(env, manifest.inputs, manifest.kernel, job.directory.path());
  std::vector<jobhost_column> values;
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    GridAxis& axis = axes_[a];
    const auto& type = shown.parameters[parameters[a]].type;
    axis.numeric = number_of(type) != nullptr;
    axis.bins = std::min(axis.length, std::max<std::uint64_t>(side, 2));
    for (std::uint64_t bin = 0; bin < axis.bins; ++bin) {
      const std::uint64_t position = (bin * axis.length + axis.bins - 1) / axis.bins;
      inputs.read_shown(position * axis.stride, 1, values);
      axis.values.push_back(cell_json(type, bundle::value_at(values[parameters[a]], 0)));
    }
  }
  for (std::size_t x = 0; x < axes_.size(); ++x) {
    for (std::size_t y = x + 1; y < axes_.size(); ++y) {
      const std::size_t cells = axes_[x].bins * axes_[y].bins;
      GridMap map{x, y, {}, std::vector<std::uint64_t>(cells), std::vector<std::uint64_t>(cells)};
      map.columns.assign(columns, {std::vector<double>(cells), std::vector<std::uint64_t>(cells), 0});
      maps_.push_back(std::move(map));
    }
  }
}

void GridMaps::add(std::uint64_t task, const double* values) {
  for (auto& map : maps_) {
    const std::size_t cell = bin_at(axes_[map.y], task) * axes_[map.x].bins + bin_at(axes_[map.x], task);
    ++(values ? map.succeeded : map.failed)[cell];
    for (std::size_t c = 0; values && c < map.columns.size(); ++c) {
      auto& column = map.columns[c];
      if (!std::isfinite(values[c])) {
        ++column.not_finite;
        continue;
      }
      const auto count = static_cast<double>(++column.count[cell]);
      double& mean = column.mean[cell];
      mean = mean * ((count - 1) / count) + values[c] / count;  // a sum of huge numbers would overflow
    }
  }
}

}  // namespace jobhost::report
