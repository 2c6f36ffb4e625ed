#include "report/task_sample.hpp"

#include <algorithm>

namespace jobhost::report {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
std::uint64_t scrambled(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

/// The one that is drawn from part `part` of `parts`, which `count` tasks are divided into: with a fixed distance, a
/// grid would show some columns only.
std::uint64_t drawn_from(std::uint64_t part, std::uint64_t parts, std::uint64_t count) {
  if (count <= parts) return part;
  using Wide = unsigned __int128;
  const auto begin = static_cast<std::uint64_t>(Wide{part} * count / parts);
  const auto end = static_cast<std::uint64_t>(Wide{part + 1} * count / parts);
  return begin + scrambled(part) % (end - begin);
}

bool is_list_of_numbers(const schema::Type& type) {
  return (type.kind == schema::Kind::kVector || type.kind == schema::Kind::kArray) && number_of(type.items[0]);
}

Curve curve_of(const schema::Type& type, base::ByteView value, std::uint64_t most) {
  base::ByteReader reader(value);
  const schema::Type& number = type.items[0];
  Curve curve;
  curve.length = type.kind == schema::Kind::kArray ? type.count : reader.value<std::uint64_t>();
  const std::uint64_t points = std::min(curve.length, most), size = schema::fixed_size(number).value();
  const auto numbers = reader.take(curve.length * size);
  for (std::uint64_t k = 0; k < points; ++k) {
    const std::uint64_t at = points > 1 ? k * (curve.length - 1) / (points - 1) : 0;
    curve.values.push_back(cell_json(number, numbers.subspan(at * size, size)));
  }
  return curve;
}

}  // namespace

TaskSample::TaskSample(base::Env& env, const host::Job& job, const Cells& results, std::uint64_t done)
    : inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()),
      results_(results),
      shown_(schema::as_shown(job.manifest.kernel)),
      done_(done),
      next_(drawn_from(0, kEven, done)) {
  for (std::size_t cell = 0; cell < results.cells().size() && lists_.size() < kCurvesOfTask; ++cell) {
    if (is_list_of_numbers(results.cells()[cell].type)) lists_.push_back(cell);
  }
  next_curve_ = drawn_from(0, kCurves, std::min(done, kEven));
}

/// Whether the next task, in the order in which they are added, is one of the even sample.
bool TaskSample::is_drawn() {
  if (rank_++ != next_) return false;
  ++drawn_;
  next_ = drawn_ < kEven ? drawn_from(drawn_, kEven, done_) : UINT64_MAX;
  return true;
}

SampledTask TaskSample::read(const host::Block& block, std::uint64_t offset) {
  SampledTask task;
  task.seconds = block.seconds / static_cast<double>(block.count);
  task.attempts = block.attempts;
  inputs_.read_shown(block.first + offset, 1, columns_);
  for (std::size_t p = 0; p < columns_.size(); ++p) {
    task.inputs.push_back(cell_json(shown_.parameters[p].type, bundle::value_at(columns_[p], 0)));
  }
  if (block.failed) return task;
  results_.each(bundle::value_at(block.results, offset), [&](std::size_t cell, base::ByteView value) {
    task.results.push_back(cell_json(results_.cells()[cell].type, value));
  });
  return task;
}

/// Where the task that was to have them has failed, the next one has.
void TaskSample::add_curves(const host::Block& block, std::uint64_t offset, SampledTask& task) {
  if (lists_.empty() || curves_ == kCurves || drawn_ <= next_curve_) return;
  next_curve_ = drawn_from(++curves_, kCurves, std::min(done_, kEven));
  const std::uint64_t most = std::min(kPoints, kAllPoints / kCurves / lists_.size());
  results_.each(bundle::value_at(block.results, offset), [&](std::size_t cell, base::ByteView value) {
    if (!std::binary_search(lists_.begin(), lists_.end(), cell)) return;
    task.curves.push_back(curve_of(results_.cells()[cell].type, value, most));
    task.curves.back().cell = cell;
  });
}

/// Of tasks that ran together only the mean is known: the first stands for them.
void TaskSample::add(const host::Block& block) {
  const double seconds = block.seconds / static_cast<double>(block.count);
  if (slowest_.size() < kSlowest || seconds > slowest_.begin()->first.first) {
    slowest_[{seconds, block.first}] = read(block, 0);
    if (slowest_.size() > kSlowest) slowest_.erase(slowest_.begin());
  }
  for (std::uint64_t i = 0; i < block.count; ++i) {
    if (is_drawn()) add_curves(block, i, tasks_[block.first + i] = read(block, i));
  }
}

void TaskSample::add_failure(const host::Block& block, std::optional<std::size_t> group,
                             const std::string& in_one_line) {
  const bool drawn = is_drawn();
  if (failed_++ >= kFailed && !drawn) return;
  SampledTask& task = tasks_[block.first] = read(block, 0);
  task.group = group;
  task.failure = in_one_line;
}

const std::map<std::uint64_t, SampledTask>& TaskSample::tasks() {
  for (auto& [key, task] : slowest_) tasks_.try_emplace(key.second, std::move(task));
  slowest_.clear();
  return tasks_;
}

}  // namespace jobhost::report
