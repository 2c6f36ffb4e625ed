#include "report/diagnosis.hpp"

#include <fmt/format.h>

namespace jobhost::report {
namespace {

constexpr double kPause = 2;  // seconds: more than workers need to take over from others

std::string seconds_text(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.3g} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.3g} µs", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 100) return fmt::format("{:.3g} s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (seconds < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

std::string percent(double share) {
  const double value = share * 100;
  if (value > 0 && value < 0.1) return "less than 0.1 %";
  if (value > 99.5 && value < 100) return ">99 %";
  return fmt::format("{:.{}f} %", value, value < 10 && value != static_cast<int>(value) ? 1 : 0);
}

std::string tasks_text(std::uint64_t count) { return grouped(count) + (count == 1 ? " task" : " tasks"); }

std::string outcome(const Figures& f) {
  if (f.tasks == 0) return "The job has no tasks.";
  if (f.done == 0) return f.works ? "No task is done yet." : "No task is done, and nobody works on the job.";
  std::string text;
  if (f.done < f.tasks) {
    text = fmt::format("{} of {} done", grouped(f.done), tasks_text(f.tasks)) + (f.works ? " so far" : "");
    if (!f.works) text += ", and nobody works on the rest";
    if (f.failed == 0) return text + "; none failed.";
    text += "; ";
  }
  if (f.failed == 0) return f.tasks == 1 ? "The task succeeded." : "All " + tasks_text(f.tasks) + " succeeded.";
  const std::string share = percent(static_cast<double>(f.failed) / static_cast<double>(f.done));
  const char* all = f.failed < f.done || f.done == 1 ? "" : text.empty() ? "All " : "all ";
  text += fmt::format("{}{} ({}) failed", all, tasks_text(f.failed), share);
  if (f.failure_groups == 1) {
    text += (f.failed > 1 ? ", all with " : " with ") + f.largest_headline;
  } else if (f.failure_groups > 1) {
    text += fmt::format(" for {} reasons, {} of them with {}", f.failure_groups, grouped(f.largest_group),
                        f.largest_headline);
  }
  return text + ".";
}

std::string use_of_lanes(const Figures& f) {
  const std::string workers = f.lanes == 1 ? "One worker was" : fmt::format("{} workers were", grouped(f.lanes));
  return fmt::format("{} busy {} of the time", workers, percent(std::min(f.efficiency(), 1.0)));
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::vector<std::string> diagnosis(const Figures& f) {
  std::vector<std::string> sentences = {outcome(f)};
  if (f.done == 0) return sentences;
  if (f.too_short()) {
    if (f.works) return sentences;
    sentences.push_back("All was over in " + seconds_text(f.wall_seconds) +
                        ": too short to tell how well workers were used.");
    return sentences;
  }
  if (f.timed_out > 0) {
    sentences.push_back(fmt::format("{} ran into {} time limit, in all {}.", tasks_text(f.timed_out),
                                    f.timed_out == 1 ? "its" : "their", seconds_text(f.timed_out_seconds)));
  }
  const double mean = f.task_seconds / static_cast<double>(f.done);
  const double idle = f.idle_seconds / f.wall_seconds, tail = f.tail_seconds / f.wall_seconds;
  const bool attempts = f.crashed + f.timed_out > 0;  // what they took is known together, and not when they were
  std::string use = use_of_lanes(f);
  if (idle > 0.1 && f.idle_seconds > kPause) {
    use += fmt::format(
        "; in {} of it nothing ran at all ({}), as between two attempts at a job or while workers wait in a queue",
        percent(idle), seconds_text(f.idle_seconds));
  } else if (mean < 20e-6 && f.efficiency() < 0.7) {
    use += fmt::format(
        "; tasks took {} each, so handing them over took longer than running them: more work per task would pay",
        seconds_text(mean));
  } else if (f.lanes_used < f.lanes && f.efficiency() < 0.9 && !attempts) {
    use += fmt::format("; only {} of them got any tasks", f.lanes_used);
  }
  sentences.push_back(use + ".");
  if (!f.works && f.lanes > 1 && tail > 0.1) {
    const bool one_task = f.last_task_alone && f.last_task_seconds > 0.5 * f.tail_seconds;
    const std::string waited =
        fmt::format("The last {} of the time waited for one task, #{}, which ", percent(tail), f.last_task);
    if (one_task && f.last_task_timed_out) {
      sentences.push_back(waited + "ran into its time limit.");
    } else if (one_task && f.last_task_crashed) {
      sentences.push_back(waited + "crashed.");
    } else if (one_task) {
      sentences.push_back(waited + "took " + seconds_text(f.last_task_seconds) +
                          ": begun first, or cut into smaller ones, the job would end sooner.");
    } else if (!attempts) {
      sentences.push_back(fmt::format(
          "In the last {} of the time one worker alone had tasks left, while others had none.", percent(tail)));
    }
  }
  return sentences;
}

}  // namespace jobhost::report
