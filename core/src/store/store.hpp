#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "store/job_directory.hpp"

namespace jobhost::store {

/// Whether there is a job in a directory. Where other machines make jobs, MANIFEST is not looked up before a listing
/// names it: a machine may remember for a minute that a name was not there.
bool is_job(base::Env& env, const JobDirectory& directory);

/// A job as the user named it.
struct Found {
  JobDirectory directory;
  bool by_path;            // not as one of the store
  std::size_t others = 0;  // older jobs that go by the same label
};

/// The directory that holds jobs, one folder each, named by the job's id.
class Store {
 public:
  /// `path` need not exist yet.
  Store(base::Env& env, std::string path);
  /// $JOBHOST_STORE, else .jobhost in the working directory.
  static std::string default_path();

  const std::string& path() const { return path_; }
  /// A new, empty job directory with all its folders; makes the store (mode 0700, its own .gitignore) when it is new.
  /// Ids sort by time of creation: "20261123-031415-5f2a".
  JobDirectory create_job();
  /// Ids of all jobs that have a MANIFEST, oldest first.
  std::vector<std::string> jobs();
  /// Finds a job by id, unique prefix, label, "@last", which is no audit unless there is nothing else, or path; a
  /// directory's bare name is one where no job of the store has it. Throws Error(kUsage) that says what there is
  /// instead. `label_of` gives the labels of jobs, of which the youngest is meant where no id fits.
  Found find(const std::string& job, const std::function<std::string(const JobDirectory&)>& label_of);

 private:
  base::Env& env_;
  std::string path_;
};

}  // namespace jobhost::store
