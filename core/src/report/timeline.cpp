#include "report/timeline.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <tuple>

namespace jobhost::report {
namespace {

struct WorkerOfLog {
  std::string hostname;
  unsigned lanes = 0;
};

/// Names of logs are <worker>.<lane>.<generation>.
std::pair<std::string, unsigned> writer_of(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = std::min(name.find('.'), name.size());
  unsigned lane = 0;
  if (dot < name.size()) std::from_chars(name.data() + dot + 1, name.data() + name.size(), lane);
  return {name.substr(0, dot), lane};
}

/// Two logs belong to none of a worker's lanes: see docs/job_directory.md.
std::string lane_name(unsigned lane, unsigned lanes) {
  if (lanes > 0 && lane == lanes) return "suspects";
  if (lanes > 0 && lane == lanes + 1) return "supervisor";
  return "lane " + std::to_string(lane);
}

}  // namespace

Timeline::Timeline(const host::ResultStream& stream, const std::vector<host::Node>& nodes)
    : busy_(kSlots), tasks_(kSlots) {
  std::map<std::string, WorkerOfLog> workers;
  for (const auto& node : nodes) {
    for (const auto& worker : node.workers) workers[worker.id] = {node.hostname, worker.lanes};
  }
  using Key = std::tuple<std::string, std::string, unsigned>;
  std::vector<Key> key_of_log;
  std::map<Key, std::size_t> lanes;  // with tasks
  begin_ns_ = UINT64_MAX;
  stream.each_log([&](const std::string& path, const host::LogTally& tally) {
    const auto [worker, lane] = writer_of(path);
    const Key key{workers[worker].hostname, worker, lane};
    key_of_log.push_back(key);
    if (tally.end_ns == 0) return;
    lanes.emplace(key, 0);
    begin_ns_ = std::min(begin_ns_, tally.begin_ns);
    end_ns_ = std::max(end_ns_, tally.end_ns);
  });
  begin_ns_ = std::min(begin_ns_, end_ns_);
  for (auto& [key, number] : lanes) {
    number = lanes_.size();
    const auto& [hostname, worker, lane] = key;
    LaneRecord record{hostname, worker, lane_name(lane, workers[worker].lanes)};
    if (number < kLanesDrawn) record.busy.resize(kSlots);
    lanes_.push_back(std::move(record));
  }
  for (const auto& key : key_of_log) {
    const auto found = lanes.find(key);
    lane_of_log_.push_back(found == lanes.end() ? 0 : found->second);
  }
}

bool Timeline::add(const host::Block& block) {
  const std::size_t number = lane_of_log_.at(block.log);
  LaneRecord& lane = lanes_.at(number);
  const auto took = static_cast<std::uint64_t>(std::min(block.seconds * 1e9, 9e18));  // a log may say anything
  const Segment segment{number, block.started_ns, block.started_ns + took, block.first, block.count, block.failed};
  lane.tasks += block.count;
  if (block.failed) lane.failed += block.count;
  lane.seconds += block.seconds;
  lane.begin_ns = std::min(lane.begin_ns, segment.begin_ns);
  lane.end_ns = std::max(lane.end_ns, segment.end_ns);
  const bool ends_last = segment.end_ns > last_.end_ns;
  if (ends_last) last_ = segment;

  if (segments_.size() == kSegments) {
    too_many_segments_ = true;
    segments_ = {};
  }
  if (!too_many_segments_) segments_.push_back(segment);

  const double width = slot_seconds(), begin = static_cast<double>(segment.begin_ns - begin_ns_) * 1e-9;
  const double end = begin + block.seconds;
  const auto slot_at = [&](double at) {
    return width > 0 ? static_cast<std::size_t>(std::min(at / width, kSlots - 1.0)) : 0;
  };
  const std::size_t from = slot_at(begin), to = slot_at(end);
  for (std::size_t slot = from; slot <= to; ++slot) {
    const double inside = from == to ? block.seconds
                                     : std::min(end, static_cast<double>(slot + 1) * width) -
                                           std::max(begin, static_cast<double>(slot) * width);
    const double share = block.seconds > 0 ? std::max(inside, 0.0) / block.seconds : slot == to ? 1 : 0;
    busy_[slot] += share * block.seconds;
    tasks_[slot] += share * static_cast<double>(block.count);
    if (!lane.busy.empty()) lane.busy[slot] += share * block.seconds;
  }
  return ends_last;
}

double Timeline::busy_seconds() const {
  return std::accumulate(lanes_.begin(), lanes_.end(), 0.0,
                         [](double sum, const auto& lane) { return sum + lane.seconds; });
}

/// Logs give batches that were interrupted by a failure one start, so their times may lie upon one another.
std::vector<double> Timeline::running() const {
  const auto lanes = static_cast<double>(lanes_.size());
  std::vector<double> result = busy_;
  for (double& value : result) value = slot_seconds() > 0 ? std::min(value / slot_seconds(), lanes) : 0;
  return result;
}

std::vector<double> Timeline::rate() const {
  std::vector<double> result = tasks_;
  for (double& value : result) value = slot_seconds() > 0 ? value / slot_seconds() : 0;
  return result;
}

std::uint64_t Timeline::shared_until_ns() const {
  std::uint64_t second = begin_ns_;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (i != last_.lane) second = std::max(second, lanes_[i].end_ns);
  }
  return second;
}

}  // namespace jobhost::report
