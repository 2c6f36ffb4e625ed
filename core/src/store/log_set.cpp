#include "store/log_set.hpp"

#include <sys/resource.h>

#include "base/beneath.hpp"
#include "base/lag.hpp"

namespace jobhost::store {
namespace {

/// Half of the files that the process may have open: a job of a thousand workers has more logs.
std::size_t logs_held_open() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur / 2;
}

std::string lost(const LogReader::Gap& gap) {
  const std::string bytes = std::to_string(gap.end - gap.begin) + " bytes ";
  if (!gap.header) return bytes + "without a valid header: a record is lost";
  const FrameHeader& header = *gap.header;
  const std::string tasks = header.count == 1 ? "task " + std::to_string(header.first)
                                              : "tasks " + std::to_string(header.first) + " to " +
                                                    std::to_string(header.first + header.count - 1);
  switch (static_cast<FrameKind>(header.kind)) {
    case FrameKind::kResults:
      return bytes + "with a wrong checksum: the results of " + tasks + " are lost here";
    case FrameKind::kFailure:
      return bytes + "with a wrong checksum: the failure of " + tasks + " is lost here";
    case FrameKind::kClaimDone:
      return bytes + "with a wrong checksum: they said that " + tasks + " are done, which the results say, too";
    case FrameKind::kModules:
      return bytes + "with a wrong checksum: stacks of failures behind them cannot be told in words";
  }
  return bytes + "with a wrong checksum";
}

}  // namespace

LogSet::LogSet(base::Env& env, JobDirectory job, const Id128& manifest)
    : env_(env),
      job_(std::move(job)),
      manifest_(manifest),
      lags_(base::may_lag(env, job_.path())),
      held_open_(logs_held_open()) {}

void LogSet::discover() {
  for (const auto& folder : base::list_beneath(env_, job_.logs())) {
    if (is_party_folder(folder)) discover_in(job_.logs() + "/" + folder);
  }
}

void LogSet::discover_in(const std::string& folder) {
  for (const auto& name : base::list_beneath(env_, folder)) {
    if (!is_log_name(name)) continue;
    const std::string path = folder + "/" + name;
    if (!known_.emplace(path, logs_.size()).second) continue;
    const auto hold = logs_.size() >= held_open_ ? LogReader::Hold::kWhileRead
                      : lags_                    ? LogReader::Hold::kUntilQuiet
                                                 : LogReader::Hold::kAlways;
    logs_.emplace_back(env_, path, manifest_, job_.path(), hold);
  }
}

std::size_t LogSet::read(const std::function<void(std::size_t, const Frame&)>& frame) {
  std::size_t count = 0;
  for (std::size_t number = 0; number < logs_.size(); ++number) count += read_log(number, frame);
  return count;
}

std::size_t LogSet::read_of(const std::string& party, const std::function<void(std::size_t, const Frame&)>& frame) {
  const std::string folder = job_.logs() + "/" + party.substr(0, 2), beginning = folder + "/" + party;
  discover_in(folder);
  std::size_t count = 0;
  for (auto log = known_.lower_bound(beginning); log != known_.end() && log->first.starts_with(beginning); ++log) {
    if (lags_) logs_[log->second].renew();
    count += read_log(log->second, frame);
  }
  return count;
}

void LogSet::renew() {
  if (!lags_) return;
  for (auto& log : logs_) log.renew();
}

std::size_t LogSet::read_log(std::size_t number, const std::function<void(std::size_t, const Frame&)>& frame) {
  std::size_t count = 0;
  for (; const auto next = logs_[number].next(); ++count) frame(number, *next);
  return count;
}

std::vector<LogFinding> LogSet::findings() {
  std::vector<LogFinding> found;
  for (auto& log : logs_) {
    const auto say = [&](std::uint64_t offset, std::string what, bool damaged) {
      found.push_back({log.path(), offset, std::move(what), damaged});
    };
    const auto tail = log.tail();
    if (log.header_mended()) say(0, "one bit of the header is wrong; it is known, and nothing is lost", true);
    for (const auto& gap : log.gaps()) say(gap.begin, lost(gap), true);
    if (tail == LogReader::Tail::kCutOff) say(log.position(), "a write was cut off, or is going on", false);
    if (tail == LogReader::Tail::kDamaged) {
      say(log.position(),
          log.position() == 0 ? "no header of a log of this job: all that this log held is lost"
                              : "no record of this job, and no beginning of one: a record is lost",
          true);
    }
  }
  return found;
}

}  // namespace jobhost::store
