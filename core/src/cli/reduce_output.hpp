#pragma once

#include "cli/row_output.hpp"
#include "report/reduction.hpp"

namespace jobhost::cli {

/// Folds the results of a job instead of printing them: one row per numeric column in the end. Blocks must come in the
/// order of tasks. A histogram reads the job's logs a second time; with `merged`, those of its repetitions, too.
class ReduceOutput : public BlockOutput {
 public:
  ReduceOutput(base::Env& env, const host::Job& job, const bundle::Output& output, std::function<void()> before_print,
               Part part, bool merged);
  void write(const host::Block& block, const host::Explanation* failure) override;
  void flush() override {}
  void finish() override;

 private:
  void fill_histogram();

  base::Env& env_;
  const host::Job& job_;
  bool merged_;
  report::Format format_;
  OutputFile file_;
  report::Reduction reduction_;
  report::ResultReduction results_;
  std::uint64_t failed_ = 0;
};

/// Rows, or a reduction where `output.reduce` asks for one. `merged`: blocks come from several jobs
/// (host::MergedStream), and rows say which code they come from.
std::unique_ptr<BlockOutput> make_output(
    base::Env& env, const host::Job& job, const bundle::Output& output, std::uint64_t rows,
    const std::function<void()>& before_print = [] {}, Part part = Part::kOfReader, bool merged = false);

}  // namespace jobhost::cli
