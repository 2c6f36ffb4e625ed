#include "report/job_report.hpp"

#include <algorithm>

#include "report/row_text.hpp"

namespace jobhost::report {
namespace {

bool any_number(const Cells& cells) {
  return std::any_of(cells.cells().begin(), cells.cells().end(),
                     [](const auto& cell) { return cell.number != nullptr; });
}

std::size_t numbers_in(const Cells& cells) {
  return static_cast<std::size_t>(std::count_if(cells.cells().begin(), cells.cells().end(),
                                                [](const auto& cell) { return cell.number != nullptr; }));
}

/// Enumerations are numbers to a plot, and none to --reduce.
std::optional<ResultReduction> statistics_of(const schema::Kernel& kernel, const Cells& cells) {
  const bool any = std::any_of(cells.cells().begin(), cells.cells().end(), [](const auto& cell) {
    return cell.number && cell.type.kind != schema::Kind::kEnumeration;
  });
  return any ? std::optional<ResultReduction>(kernel) : std::nullopt;
}

void add_to_maps(JobReport& report, const host::Block& block) {
  if (report.maps.maps().empty()) return;
  std::vector<double> values(numbers_in(report.cells) + 1);
  values.back() = block.seconds / static_cast<double>(block.count);
  for (std::uint64_t i = 0; i < block.count; ++i) {
    std::size_t at = 0;
    if (any_number(report.cells)) {
      report.cells.each(bundle::value_at(block.results, i), [&](std::size_t cell, base::ByteView value) {
        if (const NumberOf number = report.cells.cells()[cell].number) values[at++] = number(value.data());
      });
    }
    report.maps.add(block.first + i, values.data());
  }
}

/// Adds to what was counted block by block.
void finish(Figures& figures, const host::Job& job, const host::ResultStream& stream, const JobReport& report,
            bool works) {
  figures.tasks = job.manifest.tasks;
  figures.done = stream.done();
  figures.failed = stream.failed();
  figures.works = works;
  figures.lanes = job.manifest.workers;
  const Timeline& timeline = report.timeline;
  figures.wall_seconds = timeline.seconds();
  figures.task_seconds = timeline.busy_seconds();
  figures.lanes_used = timeline.lanes().size();
  const auto running = timeline.running();
  const auto idle = std::count(running.begin(), running.end(), 0.0);
  figures.idle_seconds = static_cast<double>(idle) * timeline.slot_seconds();
  const Segment& last = timeline.last();
  if (last.end_ns > timeline.shared_until_ns()) {
    figures.tail_seconds = static_cast<double>(last.end_ns - timeline.shared_until_ns()) * 1e-9;
  }
  figures.last_task = last.first;
  figures.last_task_alone = last.count == 1;
  figures.last_task_seconds = static_cast<double>(last.end_ns - last.begin_ns) * 1e-9;
  const auto order = report.failures.largest_first();
  figures.failure_groups = order.size();
  if (!order.empty()) {
    const FailureGroup& largest = report.failures.groups()[order[0]];
    figures.largest_group = largest.count;
    figures.largest_headline = headline(largest);
    if (!largest.first.where.empty()) figures.largest_headline += ", in " + largest.first.where;
  }
}

}  // namespace

JobReport::JobReport(base::Env& env, const host::Job& job, const host::ResultStream& stream,
                     const std::vector<host::Node>& nodes)
    : timeline(stream, nodes),
      cells(job.manifest.kernel.result, "result"),
      statistics(statistics_of(job.manifest.kernel, cells)),
      maps(env, job, numbers_in(cells) + 1),
      sample(env, job, cells, stream.done(), stream.failed()) {}

std::unique_ptr<JobReport> make_report(base::Env& env, const host::Job& job, host::ResultStream& stream,
                                       const std::vector<host::Node>& nodes, bool works) {
  auto report = std::make_unique<JobReport>(env, job, stream, nodes);
  host::Explainer explainer(env, job);
  while (const host::Block* block = stream.next_available()) {
    Figures& figures = report->figures;
    const bool ends_last = report->timeline.add(*block);
    if (ends_last) figures.last_task_timed_out = figures.last_task_crashed = false;
    report->durations.add(block->seconds / static_cast<double>(block->count), block->count, block->count > 1);
    if (block->failed) {
      const auto words = explainer.explain(block->failure, block->modules);
      if (words.kind == "timeout") {
        ++figures.timed_out;
        figures.timed_out_seconds += block->seconds;
        if (ends_last) figures.last_task_timed_out = true;
      }
      if (words.kind == "crash") {
        ++figures.crashed;
        if (ends_last) figures.last_task_crashed = true;
      }
      const auto group = report->failures.add(block->first, words);
      report->sample.add_failure(*block, group,
                                 in_one_line({words.kind, words.type, words.what, words.where, words.signal}));
      report->maps.add(block->first, nullptr);
      continue;
    }
    if (report->statistics) report->statistics->add(block->first, block->count, block->results);
    add_to_maps(*report, *block);
    report->sample.add(*block);
  }
  if (report->statistics) report->statistics->finish();
  finish(report->figures, job, stream, *report, works);
  report->sentences = diagnosis(report->figures);
  return report;
}

}  // namespace jobhost::report
