#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/explanation.hpp"
#include "jobhost/detail/runtime.hpp"
#include "schema/type.hpp"

namespace jobhost::api {

/// A job's copy of the code, for as long as a failure may be asked where it happened.
class JobCode {
 public:
  /// `temporary`: the job's directory is removed with the last failure that refers to it.
  JobCode(const host::Job& job, bool temporary) : job_(job), temporary_(temporary), explainer_(env_, job_) {}
  JobCode(const JobCode&) = delete;
  JobCode& operator=(const JobCode&) = delete;
  ~JobCode();

  const schema::Kernel& kernel() const { return job_.manifest.kernel; }
  host::Explanation explain(const store::Failure& failure, const std::vector<std::string>& modules);

 private:
  base::PosixEnv env_;
  host::Job job_;
  bool temporary_;
  std::mutex mutex_;
  host::Explainer explainer_;
};

/// A failed task's arguments: its kernel, made when it is asked for, and columns with the task's values, the first
/// `own` of them the runtime's.
struct FailedCall {
  std::function<schema::Kernel()> kernel;
  std::size_t own;
  const std::vector<jobhost_column>& columns;
};

/// A failure as programs are told of it. Any thread may call.
detail::Failure told(const std::shared_ptr<JobCode>& code, std::uint64_t task, store::Failure failure,
                     const std::shared_ptr<const std::vector<std::string>>& modules, const FailedCall& call);

}  // namespace jobhost::api
