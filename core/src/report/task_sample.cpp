#include "report/task_sample.hpp"

#include <algorithm>
#include <set>

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

/// Drawing some at equal distances would show slow waves where there are fast ones.
Curve curve_of(const schema::Type& type, base::ByteView value, std::uint64_t most) {
  base::ByteReader reader(value);
  const schema::Type& number = type.items[0];
  const NumberOf as_double = number_of(number);
  Curve curve;
  const std::uint64_t length = type.kind == schema::Kind::kArray ? type.count : reader.value<std::uint64_t>(),
                      size = schema::fixed_size(number).value(), parts = most / 2;
  const auto numbers = reader.take(length * size);
  const auto at = [&](std::uint64_t place) { return as_double(numbers.data() + place * size); };
  curve.length = length;
  if (length > most) {
    std::set<std::uint64_t> places = {0, length - 1};
    for (std::uint64_t part = 0; part < parts; ++part) {
      const std::uint64_t begin = part * length / parts, end = (part + 1) * length / parts;
      std::uint64_t least = begin, greatest = begin;
      for (std::uint64_t place = begin; place < end; ++place) {
        if (!(at(least) <= at(place))) least = place;  // what is no number is less than none
        if (!(at(greatest) >= at(place))) greatest = place;
      }
      places.insert({least, greatest});
    }
    curve.at.assign(places.begin(), places.end());
  }
  for (std::uint64_t k = 0; k < (curve.at.empty() ? length : curve.at.size()); ++k) {
    curve.values.push_back(cell_json(number, numbers.subspan((curve.at.empty() ? k : curve.at[k]) * size, size)));
  }
  return curve;
}

}  // namespace

EvenDraw::EvenDraw(std::uint64_t parts, std::uint64_t count)
    : parts_(parts), count_(count), next_(drawn_from(0, parts, count)) {}

bool EvenDraw::take() {
  if (rank_++ != next_) return false;
  next_ = ++drawn_ < parts_ ? drawn_from(drawn_, parts_, count_) : UINT64_MAX;
  return true;
}

TaskSample::TaskSample(base::Env& env, const host::Job& job, const Cells& results, std::uint64_t done,
                       std::uint64_t failed)
    : inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()),
      results_(results),
      shown_(schema::as_shown(job.manifest.kernel)),
      even_(kEven, done),
      with_curves_(kCurves, done - failed) {
  for (std::size_t cell = 0; cell < results.cells().size() && lists_.size() < kCurvesOfTask; ++cell) {
    if (is_list_of_numbers(results.cells()[cell].type)) lists_.push_back(cell);
  }
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

void TaskSample::add_curves(const host::Block& block, std::uint64_t offset, SampledTask& task) {
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
    const bool drawn = even_.take(), with_curves = !lists_.empty() && with_curves_.take();
    if (!drawn && !with_curves) continue;
    SampledTask& task = tasks_[block.first + i] = read(block, i);
    if (with_curves) add_curves(block, i, task);
  }
}

void TaskSample::add_failure(const host::Block& block, std::optional<std::size_t> group,
                             const std::string& in_one_line) {
  const bool drawn = even_.take();
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
