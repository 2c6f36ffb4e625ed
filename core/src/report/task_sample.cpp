#include "report/task_sample.hpp"

namespace jobhost::report {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
std::uint64_t scrambled(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

/// The one that is drawn from part `part` of `done` tasks: with a fixed distance, a grid would show some columns only.
std::uint64_t drawn_from(std::uint64_t part, std::uint64_t done) {
  using Wide = unsigned __int128;
  const auto begin = static_cast<std::uint64_t>(Wide{part} * done / TaskSample::kEven);
  const auto end = static_cast<std::uint64_t>(Wide{part + 1} * done / TaskSample::kEven);
  return begin + scrambled(part) % (end - begin);
}

}  // namespace

TaskSample::TaskSample(base::Env& env, const host::Job& job, const Cells& results, std::uint64_t done)
    : inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()),
      results_(results),
      shown_(schema::as_shown(job.manifest.kernel)),
      done_(done),
      next_(done > kEven ? drawn_from(0, done) : 0) {}

/// Whether the next task, in the order in which they are added, is one of the even sample.
bool TaskSample::is_drawn() {
  if (rank_++ != next_) return false;
  ++drawn_;
  next_ = done_ <= kEven ? rank_ : drawn_ < kEven ? drawn_from(drawn_, done_) : UINT64_MAX;
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

/// Of tasks that ran together only the mean is known: the first stands for them.
void TaskSample::add(const host::Block& block) {
  const double seconds = block.seconds / static_cast<double>(block.count);
  if (slowest_.size() < kSlowest || seconds > slowest_.begin()->first.first) {
    slowest_[{seconds, block.first}] = read(block, 0);
    if (slowest_.size() > kSlowest) slowest_.erase(slowest_.begin());
  }
  for (std::uint64_t i = 0; i < block.count; ++i) {
    if (is_drawn()) tasks_[block.first + i] = read(block, i);
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
