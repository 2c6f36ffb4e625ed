#include "report/diagnosis.hpp"

#include <catch2/catch.hpp>

using namespace jobhost;
using Sentences = std::vector<std::string>;

/// A job of a thousand tasks of 40 ms that went well.
static report::Figures fine() {
  report::Figures figures;
  figures.tasks = figures.done = 1000;
  figures.lanes = 4;
  figures.lanes_used = 4;
  figures.wall_seconds = 10.75;
  figures.task_seconds = 40;
  return figures;
}

TEST_CASE("a job that went well is told so, and how busy its workers were") {
  CHECK(report::diagnosis(fine()) == Sentences{"All 1,000 tasks succeeded.", "4 workers were busy 93 % of the time."});
  auto one = fine();
  one.tasks = one.done = 1;
  one.lanes = one.lanes_used = 1;
  one.wall_seconds = one.task_seconds = 40;
  CHECK(report::diagnosis(one) == Sentences{"The task succeeded.", "One worker was busy 100 % of the time."});
}

TEST_CASE("failures come first, with what most of them have in common") {
  auto figures = fine();
  figures.failed = 30;
  figures.failure_groups = 1;
  figures.largest_group = 30;
  figures.largest_headline = "std::domain_error: unlucky 13, in check at pi.cpp:31";
  CHECK(report::diagnosis(figures)[0] ==
        "30 tasks (3 %) failed, all with std::domain_error: unlucky 13, in check at pi.cpp:31.");
  figures.failure_groups = 3;
  figures.largest_group = 28;
  CHECK(report::diagnosis(figures)[0] ==
        "30 tasks (3 %) failed for 3 reasons, 28 of them with std::domain_error: unlucky 13, in check at pi.cpp:31.");
  figures.failed = 1000;
  figures.failure_groups = 1;
  CHECK(report::diagnosis(figures)[0].starts_with("All 1,000 tasks (100 %) failed, all with "));
  figures.failed = 1;
  CHECK(report::diagnosis(figures)[0].starts_with("1 task (0.1 %) failed with "));
}

TEST_CASE("tasks that ran into their time limit are told with their time, and nobody is advised to begin them first") {
  report::Figures figures;
  figures.tasks = figures.done = 3;
  figures.failed = figures.failure_groups = figures.largest_group = figures.timed_out = 1;
  figures.largest_headline = "timeout: ran longer than 3 s";
  figures.lanes = figures.lanes_used = 2;
  figures.wall_seconds = figures.task_seconds = figures.tail_seconds = 3;
  figures.timed_out_seconds = figures.last_task_seconds = 3;
  figures.last_task = 2;
  figures.last_task_timed_out = true;
  CHECK(report::diagnosis(figures) ==
        Sentences{"1 task (33 %) failed with timeout: ran longer than 3 s.",
                  "1 task ran into its time limit, in all 3 s.", "2 workers were busy 50 % of the time.",
                  "The last 100 % of the time waited for one task, #2, which ran into its time limit."});
  figures.timed_out = 2;
  figures.timed_out_seconds = 6;
  CHECK(report::diagnosis(figures)[1] == "2 tasks ran into their time limit, in all 6 s.");
}

TEST_CASE("an unfinished job is told to be one") {
  auto figures = fine();
  figures.done = 250;
  CHECK(report::diagnosis(figures)[0] == "250 of 1,000 tasks done, and nobody works on the rest; none failed.");
  figures.works = true;
  CHECK(report::diagnosis(figures)[0] == "250 of 1,000 tasks done so far; none failed.");
  figures.done = 0;
  CHECK(report::diagnosis(figures) == Sentences{"No task is done yet."});
  figures.works = false;
  CHECK(report::diagnosis(figures) == Sentences{"No task is done, and nobody works on the job."});
  figures.tasks = 0;
  CHECK(report::diagnosis(figures) == Sentences{"The job has no tasks."});
}

TEST_CASE("what kept workers from being busy is named") {
  auto tail = fine();
  tail.tail_seconds = 3;
  tail.last_task = 398;
  tail.last_task_seconds = 4.1;
  CHECK(report::diagnosis(tail).back() ==
        "The last 28 % of the time waited for one task, #398, which took 4.1 s: begun first, or cut into smaller ones, "
        "the job would end sooner.");
  tail.last_task_seconds = 0.04;  // one of many
  CHECK(report::diagnosis(tail).back() ==
        "In the last 28 % of the time one worker alone had tasks left, while others had none.");
  tail.crashed = 1;  // whose attempts are known as one piece only
  CHECK(report::diagnosis(tail).size() == 2);
  tail.last_task_seconds = 20;
  tail.last_task_crashed = true;
  CHECK(report::diagnosis(tail).back().ends_with("which crashed."));
  tail.works = true;
  CHECK(report::diagnosis(tail).size() == 2);

  auto tiny = fine();
  tiny.tasks = tiny.done = 10'000'000;
  tiny.task_seconds = 20;
  CHECK(
      report::diagnosis(tiny)[1] ==
      "4 workers were busy 47 % of the time; tasks took 2 µs each, so handing them over took longer than running them: "
      "more work per task would pay.");

  auto gap = fine();
  gap.wall_seconds = 7200;
  gap.idle_seconds = 7000;
  CHECK(report::diagnosis(gap)[1].find("; in 97 % of it nothing ran at all (1:56 h), as between two attempts") !=
        std::string::npos);

  auto few = fine();
  few.lanes_used = 2;
  few.task_seconds = 20;
  CHECK(report::diagnosis(few)[1] == "4 workers were busy 47 % of the time; only 2 of them got any tasks.");

  auto brief = fine();
  brief.wall_seconds = 0.008;
  CHECK(report::diagnosis(brief)[1] == "All was over in 8 ms: too short to tell how well workers were used.");
}
