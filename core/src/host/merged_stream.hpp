#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "host/result_stream.hpp"

namespace jobhost::host {

/// The latest outcome of each task over a job and all jobs of its store that repeat tasks of it, directly or through
/// others; a task that failed again has failed. Audits do not count. Holds an entry for each repeated task.
class MergedStream {
 public:
  /// `job` outlives this. Throws Error(kUsage) when one of the jobs returns another type.
  MergedStream(base::Env& env, const Job& job);

  /// The next block in the order of tasks, which are numbered as in `job`; tasks that nobody has done are passed over.
  /// Valid until the next call. Throws as ResultStream::next does.
  const Block* next();
  /// The job that the last block comes from.
  const Job& source() const { return parts_[source_].job; }
  std::uint64_t done() const { return done_; }
  /// All that are merged, oldest first.
  std::vector<const Job*> jobs() const;
  /// Hands each of them to `look`, with its stream.
  template <class Look>
  void each_source(const Look& look) {
    for (auto& part : parts_) look(part.job, part.stream);
  }
  /// Sentences about jobs of the store that cannot be read.
  const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  struct Part {
    Part(base::Env& env, Job of) : job(std::move(of)), stream(env, job) { stream.read_all(); }
    Job job;
    ResultStream stream;
  };
  struct Place {
    std::size_t part;
    std::uint64_t task;
  };
  std::vector<Job> candidates(base::Env& env, const Job& job);
  void add(base::Env& env, Job repeat, const std::vector<std::uint64_t>& numbers);
  const Block* next_newer();

  std::deque<Part> parts_;  // the job itself first
  std::map<std::uint64_t, Place> newer_;
  std::map<std::uint64_t, Place>::const_iterator next_newer_;
  Block rest_;  // of the job's own block
  Block block_;
  std::size_t source_ = 0;
  std::uint64_t done_ = 0;
  std::vector<std::string> left_out_;
};

/// The label of jobs that only check another one.
inline std::string audit_label(const std::string& job) { return "audit of " + job; }

/// Which code a job ran, for rows: the first digits of the plugin's build id, or of its SHA-256 where it has none.
inline std::string code_of(const bundle::Manifest& manifest) {
  const std::string& id = manifest.plugin.build_id.empty() ? manifest.plugin.sha256 : manifest.plugin.build_id;
  return id.substr(0, 12);
}

}  // namespace jobhost::host
