#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "host/explanation.hpp"
#include "host/result_stream.hpp"
#include "report/rows.hpp"

namespace CLI {
class App;
}

namespace jobhost::cli {

/// Rows of a job to standard output or to a file. A file appears under its name only when it is complete.
class RowOutput {
 public:
  /// `output.format` empty: by the file's ending; on standard output a table for a terminal and JSONL elsewhere. Throws
  /// Error(kUsage) for an unknown ending, before anything ran. `before_print` is called before rows go to a terminal.
  RowOutput(
      base::Env& env, const host::Job& job, const bundle::Output& output, std::function<void()> before_print = [] {});
  /// Removes an unfinished file.
  ~RowOutput();

  void write(const host::Block& block);
  /// Words for the last failed block written.
  const host::Explanation& last_failure() const { return last_failure_; }
  void flush() { writer_->flush(); }
  void finish();
  /// One line "seed=3 samples=10" for a task.
  std::string inputs_of(std::uint64_t task);
  /// The same as a JSON object.
  std::string inputs_json(std::uint64_t task);

 private:
  void write_text(std::string_view text);

  base::Env& env_;
  const host::Job& job_;
  std::string path_, unfinished_;
  std::function<void()> before_print_;
  std::optional<base::File> file_;
  bundle::InputReader inputs_;
  std::vector<jobhost_column> columns_;
  host::Explainer explainer_;
  host::Explanation last_failure_;
  std::unique_ptr<report::RowWriter> writer_;
};

/// Adds -o and --format.
void add_output_options(CLI::App& command, bundle::Output& output);

/// The format of an output; throws Error(kUsage) when neither format nor ending is known.
report::Format format_of(const bundle::Output& output);

}  // namespace jobhost::cli
