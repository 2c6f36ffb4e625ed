#pragma once

#include <string>
#include <vector>

#include "bundle/input_reader.hpp"
#include "host/submission.hpp"

namespace jobhost::cli {

/// The inputs of single tasks, in words.
class TaskWords {
 public:
  TaskWords(base::Env& env, const host::Job& job)
      : kernel_(schema::as_shown(job.manifest.kernel)),
        inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()) {}

  /// "seed=3 samples=10 table=(20001 x 2)"
  std::string inputs_of(std::uint64_t task);
  /// {"seed": 3, "samples": 10}, all of every value
  std::string inputs_json(std::uint64_t task);

 private:
  schema::Kernel kernel_;
  bundle::InputReader inputs_;
  std::vector<jobhost_column> columns_;
};

}  // namespace jobhost::cli
