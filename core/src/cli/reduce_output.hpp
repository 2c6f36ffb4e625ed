#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/row_output.hpp"
#include "report/reduction.hpp"

namespace jobhost::cli {

/// Folds the results of a job instead of printing them: one row per numeric column in the end, or, where they are
/// grouped by parameters, per group and column, in the order in which groups come up. Blocks must come in the order of
/// tasks. A histogram reads the job's logs a second time; with `merged`, those of its repetitions, too.
class ReduceOutput : public BlockOutput {
 public:
  ReduceOutput(base::Env& env, const host::Job& job, const bundle::Output& output, std::function<void()> before_print,
               Part part, bool merged);
  void write(const host::Block& block, const host::Explanation* failure) override;
  void flush() override {}
  void finish() override;

 private:
  struct Group {
    std::string key;  // encoded values of the parameters, one behind the other
    report::ResultReduction results;
    std::uint64_t failed = 0;
  };
  template <class Use>
  void each_run(const host::Block& block, const Use& use);
  Group& group(const std::string& key);
  void fill_histogram();
  std::vector<std::string> labels(const Group& group, bool json) const;

  base::Env& env_;
  const host::Job& job_;
  Part part_;
  bool merged_;
  report::Format format_;
  OutputFile file_;
  report::Reduction reduction_;
  schema::Kernel kernel_;        // as it is shown
  std::vector<std::size_t> by_;  // parameters that make groups, among those that are shown
  bundle::InputReader inputs_;
  std::vector<jobhost_column> columns_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::map<std::string, Group*> known_;
};

/// Rows, or a reduction where `output.reduce` asks for one. `merged`: blocks come from several jobs
/// (host::MergedStream), and rows say which code they come from.
std::unique_ptr<BlockOutput> make_output(
    base::Env& env, const host::Job& job, const bundle::Output& output, std::uint64_t rows,
    const std::function<void()>& before_print = [] {}, Part part = Part::kOfReader, bool merged = false);

}  // namespace jobhost::cli
