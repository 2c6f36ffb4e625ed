#include "host/merged_stream.hpp"

#include <algorithm>

namespace jobhost::host {
namespace {

/// Tasks [first, end) of a block that holds them.
Block part_of(const Block& block, std::uint64_t first, std::uint64_t end) {
  Block part = block;
  part.first = first;
  part.count = end - first;
  if (part.failed) return part;
  const std::uint64_t skip = first - block.first;
  if (part.results.offsets) {
    part.results.offsets += skip;
  } else {
    part.results.data += skip * part.results.stride;
  }
  return part;
}

}  // namespace

MergedStream::MergedStream(base::Env& env, const Job& job) {
  parts_.emplace_back(env, job);
  done_ = parts_[0].stream.done();
  std::vector<Job> waiting = candidates(env, job);
  std::map<std::string, std::vector<std::uint64_t>> numbers;  // of each job's tasks, in `job`
  for (bool more = true; more;) {
    more = false;
    for (const auto& repeat : waiting) {
      const auto& [parent, tasks] = repeat.manifest.parent;
      const auto known = numbers.find(parent);
      if (numbers.contains(repeat.manifest.job) || (parent != job.manifest.job && known == numbers.end())) continue;
      std::vector<std::uint64_t> here = tasks;
      if (parent != job.manifest.job) {
        for (auto& task : here) task = task < known->second.size() ? known->second[task] : UINT64_MAX;
      }
      numbers.emplace(repeat.manifest.job, std::move(here));
      more = true;
    }
  }
  for (auto& repeat : waiting) {
    const auto known = numbers.find(repeat.manifest.job);
    if (known != numbers.end()) add(env, std::move(repeat), known->second);
  }
  next_newer_ = newer_.begin();
}

std::vector<Job> MergedStream::candidates(base::Env& env, const Job& job) {
  store::Store store(env, job.directory.path().substr(0, job.directory.path().rfind('/')));
  std::vector<Job> found;
  for (const auto& id : store.jobs()) {
    const store::JobDirectory directory(store.path() + "/" + id);
    if (directory.path() == job.directory.path()) continue;
    try {
      Job other = open_job(env, directory);
      const auto& parent = other.manifest.parent.job;
      if (parent.empty() || other.manifest.label == audit_label(parent)) continue;
      if (other.manifest.parent.tasks.size() != other.manifest.tasks) continue;
      found.push_back(std::move(other));
    } catch (const base::Error& error) {
      left_out_.push_back("job " + id + " cannot be read: " + error.what());
    }
  }
  // The times of files tell jobs of one second apart, and may be those of a copy.
  std::stable_sort(found.begin(), found.end(),
                   [](const Job& a, const Job& b) { return a.manifest.created < b.manifest.created; });
  return found;
}

void MergedStream::add(base::Env& env, Job repeat, const std::vector<std::uint64_t>& numbers) {
  const Part& first = parts_.front();
  const auto& kernel = first.job.manifest.kernel;
  if (repeat.manifest.kernel.result != kernel.result) {
    throw base::Error(base::ExitCode::kUsage,
                      "results of job " + repeat.manifest.job + " are of type " +
                          schema::cpp_name(repeat.manifest.kernel.result) + ", and those of job " +
                          first.job.manifest.job + " of type " + schema::cpp_name(kernel.result) +
                          ": they do not fit into one table",
                      "jobhost results " + repeat.called + " prints them alone");
  }
  Part& part = parts_.emplace_back(env, std::move(repeat));
  const store::IntervalSet& seen = part.stream.seen();
  std::uint64_t task = 0;
  const auto take_until = [&](std::uint64_t end) {
    for (; task < end; ++task) {
      if (numbers[task] >= first.job.manifest.tasks) continue;
      const auto [place, fresh] = newer_.insert_or_assign(numbers[task], Place{parts_.size() - 1, task});
      if (fresh && !first.stream.seen().contains(place->first)) ++done_;
    }
  };
  for (const auto& gap : seen.missing({0, part.job.manifest.tasks})) {
    take_until(gap.first);
    task = gap.end;
  }
  take_until(part.job.manifest.tasks);
}

const Block* MergedStream::next() {
  while (rest_.count == 0) {
    const Block* own = parts_[0].stream.next_available();
    if (!own) return next_newer_ == newer_.end() ? nullptr : next_newer();
    rest_ = *own;
  }
  const std::uint64_t newer = next_newer_ == newer_.end() ? UINT64_MAX : next_newer_->first;
  if (newer <= rest_.first) return next_newer();
  const std::uint64_t end = std::min(rest_.first + rest_.count, newer);
  block_ = part_of(rest_, rest_.first, end);
  rest_ = part_of(rest_, end, rest_.first + rest_.count);
  source_ = 0;
  return &block_;
}

/// As many repeated tasks as come side by side from one block.
const Block* MergedStream::next_newer() {
  const auto [first, place] = *next_newer_;
  constexpr std::uint64_t kMost = 4096;  // more are rarely in one block
  std::uint64_t count = 0;
  for (auto next = next_newer_; count < kMost && next != newer_.end() && next->first == first + count &&
                                next->second.part == place.part && next->second.task == place.task + count;
       ++next) {
    ++count;
  }
  source_ = place.part;
  block_ = *parts_[place.part].stream.find(place.task, count);
  block_.first = first;
  std::advance(next_newer_, block_.count);
  // What the job itself has of these tasks is not wanted.
  for (std::uint64_t end = first + block_.count; end > rest_.first;) {
    if (rest_.count > 0) {
      const std::uint64_t rest_end = rest_.first + rest_.count;
      rest_ = part_of(rest_, std::min(end, rest_end), rest_end);
      if (rest_.count > 0) break;
    }
    const Block* own = parts_[0].stream.next_available();
    if (!own) break;
    rest_ = *own;
  }
  return &block_;
}

std::vector<const Job*> MergedStream::jobs() const {
  std::vector<const Job*> jobs;
  for (const auto& part : parts_) jobs.push_back(&part.job);
  return jobs;
}

}  // namespace jobhost::host
