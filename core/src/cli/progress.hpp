#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "cli/session.hpp"
#include "host/explanation.hpp"
#include "host/result_stream.hpp"
#include "store/doorbell.hpp"

namespace jobhost::cli {

/// The progress line on a terminal's standard error, redrawn at most ten times a second; elsewhere whole lines: after a
/// second, then every 30 seconds or 5 %, and the first of each distinct failure.
class Progress {
 public:
  /// `job`: to look at, "" for one that does not stay.
  Progress(const Session& session, std::string job, std::uint64_t tasks, unsigned workers);
  /// Call often; does nothing most of the time. `longest`: of the tasks that run, as far as it is known.
  void update(const host::ResultStream& stream, const store::Doorbell::Running& longest = {});
  /// So many of the workers wait in a queue.
  void set_waiting(unsigned workers) { waiting_ = workers; }
  /// A failed task was yielded; `inputs` in words.
  void failed(const host::Explanation& failure, std::uint64_t task, const std::string& inputs);
  /// Wipes the line and prints the summary. `file`: where rows are, "" for standard output.
  void finish(const host::ResultStream& stream, const std::string& file);
  /// Wipes the line, so that something else can be printed.
  void clear();
  double seconds() const;
  /// What the line says.
  std::string line(const host::ResultStream& stream, const store::Doorbell::Running& longest = {});

 private:
  const Session& session_;
  std::string job_;
  std::uint64_t tasks_;
  unsigned workers_, waiting_ = 0;
  bool terminal_;
  bool drawn_ = false;
  std::uint64_t begin_, last_draw_ = 0, at_start_ = UINT64_MAX, last_line_done_ = 0;
  std::set<std::string> seen_failures_;
  bool told_of_more_ = false;
};

/// "3.21 s", "41.0 s", "1:04:09"
std::string duration_text(double seconds);

/// Of one task: "41.0 s", "3.21 ms", "2.76 us"
std::string task_duration_text(double seconds);

/// "188 succeeded, 12 failed, 3 missing, 2 ran twice", without what there is none of.
std::string tally(const host::ResultStream& stream, std::uint64_t tasks);

}  // namespace jobhost::cli
