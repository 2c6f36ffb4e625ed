#include "host/result_stream.hpp"

#include <cstdlib>

#include "base/file.hpp"
#include "base/lag.hpp"
#include "store/party.hpp"

namespace jobhost::host {
namespace {

constexpr std::uint64_t kDiscoverNs = 50'000'000;
constexpr std::uint64_t kDiscoverSharedNs = 1'000'000'000;  // where each look is a question to a server
constexpr std::uint64_t kLookAgainNs = 200'000'000;

[[noreturn]] void damaged(const store::LogReader& log, const store::Frame& frame, const char* why) {
  throw base::Error(base::ExitCode::kDamaged,
                    "'" + log.path() + "' is damaged at byte " + std::to_string(frame.header.offset) + " (tasks " +
                        std::to_string(frame.header.first) + " to " +
                        std::to_string(frame.header.first + frame.header.count - 1) + "): " + why);
}

}  // namespace

ResultStream::ResultStream(base::Env& env, const Job& job)
    : job_(job),
      logs_(env, job.directory, store::binary_id(job.manifest_sha256)),
      result_size_(schema::fixed_size(job.manifest.kernel.result)),
      env_(env),
      lags_(base::may_lag(env, job.directory.path())) {}

std::size_t ResultStream::read_logs() {
  return logs_.read([this](std::size_t log, const store::Frame& frame) { index(log, frame); });
}

bool ResultStream::poll() {
  std::size_t fresh = read_logs();
  const std::uint64_t now = env_.monotonic_ns(), since = now - last_discovery_;
  if (last_discovery_ == 0 || (lags_ ? since >= kDiscoverSharedNs : fresh == 0 || since >= kDiscoverNs)) {
    last_discovery_ = now;
    const std::size_t known = logs_.size();
    logs_.discover();
    const bool complete = lags_ && seen_.size() < job_.manifest.tasks && job_.directory.is_done(env_);
    if (complete) logs_.renew();
    if (complete || logs_.size() > known) fresh += read_logs();
  }
  return fresh > 0;
}

void ResultStream::read_all() {
  last_discovery_ = 0;
  logs_.renew();
  poll();
  while (lags_ && seen_.size() < job_.manifest.tasks && just_done()) {
    env_.sleep_ns(kLookAgainNs);
    last_discovery_ = 0;
    poll();
  }
}

/// By the clocks of people: how long is waited matters little.
bool ResultStream::just_done() const {
  base::FileStatus done;
  if (!job_.directory.is_done(env_) || env_.status(job_.directory.done(), done) < 0) return false;
  const auto age = static_cast<std::int64_t>(env_.wall_ns()) - done.modified_ns;
  return std::abs(age) < static_cast<std::int64_t>(base::kLongestLagNs);
}

void ResultStream::index(std::size_t log, const store::Frame& frame) {
  const auto& header = frame.header;
  const auto kind = static_cast<store::FrameKind>(header.kind);
  if (kind == store::FrameKind::kModules) {
    base::Bytes bytes;
    if (!logs_.log(log).read_payload(frame, bytes)) damaged(logs_.log(log), frame, "it changed while it was read");
    modules_[{log, header.offset}] = store::decode_modules(bytes);
    return;
  }
  if (kind != store::FrameKind::kResults && kind != store::FrameKind::kFailure) return;
  if (header.first > job_.manifest.tasks || header.count > job_.manifest.tasks - header.first) {
    damaged(logs_.log(log), frame, "the job has no such tasks");
  }
  const store::Interval tasks{header.first, header.first + header.count};
  const Part part{0, log, frame};
  std::uint64_t fresh = 0;
  for (const auto& piece : seen_.missing(tasks)) {
    ahead_.emplace(piece.first, part).first->second.end = piece.end;
    fresh += piece.size();
  }
  seen_.add(tasks);
  duplicates_ += tasks.size() - fresh;
  if (kind == store::FrameKind::kFailure) failed_ += fresh;
  if (log >= tallies_.size()) tallies_.resize(log + 1);
  LogTally& tally = tallies_[log];
  tally.tasks += fresh;
  if (kind == store::FrameKind::kFailure) tally.failed += fresh;
  tally.begin_ns = std::min(tally.begin_ns, header.started);
  tally.end_ns = std::max(tally.end_ns, header.started + header.nanoseconds);
  if (header.count > 0) {
    const double seconds = static_cast<double>(header.nanoseconds) * 1e-9 / static_cast<double>(header.count);
    if (seconds > slowest_seconds_) {
      slowest_seconds_ = seconds;
      slowest_task_ = header.first;
    }
  }
}

void ResultStream::each_log(const std::function<void(const std::string&, const LogTally&)>& tell) const {
  for (std::size_t log = 0; log < logs_.size(); ++log) {
    tell(logs_.log(log).path(), log < tallies_.size() ? tallies_[log] : LogTally());
  }
}

void ResultStream::load(const Part& part) {
  const auto& log = logs_.log(part.log);
  const auto& header = part.frame.header;
  if (!log.read_payload(part.frame, payload_)) damaged(log, part.frame, "it changed while it was read");
  block_.nanoseconds = header.nanoseconds / std::max<std::uint64_t>(1, header.count);
  block_.started_ns = header.started;
  block_.log = part.log;
  block_.attempts = header.attempt;
  block_.failed = static_cast<store::FrameKind>(header.kind) == store::FrameKind::kFailure;
  if (block_.failed) {
    block_.failure = store::decode_failure(payload_);
    block_.modules = modules_of(part);
    return;
  }
  if (result_size_) {
    // Divided, because the product might overflow.
    const bool fits = *result_size_ == 0
                          ? header.length == 0
                          : header.length % *result_size_ == 0 && header.length / *result_size_ == header.count;
    if (!fits) {
      damaged(log, part.frame, "its length does not fit the result type");
    }
    block_.results = {payload_.data(), nullptr, *result_size_, *result_size_};
    return;
  }
  if (header.length / 8 <= header.count) damaged(log, part.frame, "its length does not fit the result type");
  const auto* offsets = reinterpret_cast<const std::uint64_t*>(payload_.data());
  const std::uint64_t space = header.length - 8 * (header.count + 1);
  for (std::uint64_t i = 0; i <= header.count; ++i) {
    if (offsets[i] > space || (i > 0 && offsets[i] < offsets[i - 1])) {
      damaged(log, part.frame, "its results overlap");
    }
  }
  block_.results = {payload_.data() + 8 * (header.count + 1), offsets, 0, 0};
}

/// The last list before the failure in its log.
const std::vector<std::string>* ResultStream::modules_of(const Part& part) const {
  const auto behind = modules_.upper_bound({part.log, part.frame.header.offset});
  if (behind == modules_.begin() || std::prev(behind)->first.first != part.log) return nullptr;
  return &std::prev(behind)->second;
}

std::vector<std::string> ResultStream::damage() {
  std::vector<std::string> sentences;
  if (seen_.size() == job_.manifest.tasks) return sentences;
  if (job_.directory.is_done(env_)) {
    sentences.push_back("the job is marked as done, but its logs hold " + std::to_string(seen_.size()) + " of " +
                        std::to_string(job_.manifest.tasks) + " tasks");
  }
  for (const auto& finding : logs_.findings()) {
    if (finding.damaged)
      sentences.push_back("'" + finding.path + "' at byte " + std::to_string(finding.offset) + ": " + finding.what);
  }
  return sentences;
}

const Block* ResultStream::next_available() {
  if (ahead_.empty()) return nullptr;
  position_ = ahead_.begin()->first;
  return next();
}

const Block* ResultStream::find(std::uint64_t task, std::uint64_t most) {
  auto part = ahead_.upper_bound(task);
  if (part == ahead_.begin() || (--part)->second.end <= task) return nullptr;
  return block_of(part->second, task, std::min(part->second.end, task + most));
}

const Block* ResultStream::next() {
  const auto found = ahead_.find(position_);
  if (found == ahead_.end()) return nullptr;
  const Part part = found->second;
  ahead_.erase(found);
  yielded_ += part.end - position_;
  block_of(part, position_, part.end);
  position_ = part.end;
  return &block_;
}

const Block* ResultStream::block_of(const Part& part, std::uint64_t first, std::uint64_t end) {
  load(part);
  block_.first = first;
  block_.count = end - first;
  const double share = static_cast<double>(block_.count) / static_cast<double>(part.frame.header.count);
  block_.seconds = static_cast<double>(part.frame.header.nanoseconds) * 1e-9 * share;
  const std::uint64_t skip = first - part.frame.header.first;
  if (!block_.failed) {
    if (block_.results.offsets) {
      block_.results.offsets += skip;
    } else {
      block_.results.data += skip * block_.results.stride;
    }
  }
  return &block_;
}

}  // namespace jobhost::host
