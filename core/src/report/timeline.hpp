#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/nodes.hpp"
#include "host/result_stream.hpp"

namespace jobhost::report {

/// What one lane of a worker did. Times are those of the lane's machine.
struct LaneRecord {
  std::string hostname, worker, name;  // name: "lane 3", "suspects" or "supervisor"
  std::uint64_t tasks = 0, failed = 0;
  std::uint64_t begin_ns = UINT64_MAX, end_ns = 0;
  double seconds = 0;             // in tasks
  std::vector<double> busy = {};  // seconds in tasks by slot of time; empty of a lane that is not drawn
};

/// Tasks that a lane ran without a pause between.
struct Segment {
  std::size_t lane = 0;
  std::uint64_t begin_ns = 0, end_ns = 0;
  std::uint64_t first = 0, count = 0;
  bool failed = false;
};

/// Who worked when. The time of the job is cut into equal slots, so that memory depends on their number and not on that
/// of tasks.
class Timeline {
 public:
  static constexpr std::size_t kSlots = 300, kLanesDrawn = 64, kSegments = 2000;

  /// `stream` has read the logs.
  Timeline(const host::ResultStream& stream, const std::vector<host::Node>& nodes);
  /// True when none of those before ended later.
  bool add(const host::Block& block);

  const std::vector<LaneRecord>& lanes() const { return lanes_; }
  /// Each block alone; none when there are more than kSegments.
  const std::vector<Segment>& segments() const { return segments_; }
  std::uint64_t begin_ns() const { return begin_ns_; }
  std::uint64_t end_ns() const { return end_ns_; }
  double seconds() const { return static_cast<double>(end_ns_ - begin_ns_) * 1e-9; }
  double slot_seconds() const { return seconds() / kSlots; }
  double busy_seconds() const;
  /// By slot: how many lanes ran tasks on average, and tasks per second.
  std::vector<double> running() const;
  std::vector<double> rate() const;
  /// The task or batch that ended last.
  const Segment& last() const { return last_; }
  /// Until when a second lane had tasks: what is behind waited for the lane of last().
  std::uint64_t shared_until_ns() const;

 private:
  std::vector<LaneRecord> lanes_;
  std::vector<std::size_t> lane_of_log_;
  std::vector<Segment> segments_;
  bool too_many_segments_ = false;
  std::uint64_t begin_ns_ = 0, end_ns_ = 0;
  std::vector<double> busy_, tasks_;  // of all lanes, by slot
  Segment last_;
};

}  // namespace jobhost::report
