#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bundle/input_reader.hpp"
#include "cli/output_file.hpp"
#include "host/explanation.hpp"
#include "host/result_stream.hpp"
#include "report/rows.hpp"

namespace CLI {
class App;
}

namespace jobhost::cli {

/// What becomes of the blocks of a job as they are yielded.
class BlockOutput {
 public:
  virtual ~BlockOutput() = default;
  /// `failure`: words for a failed block, else null.
  virtual void write(const host::Block& block, const host::Explanation* failure) = 0;
  /// Which code the blocks that follow come from, where rows say so.
  virtual void set_code(const std::string&) {}
  /// For a reader that waits: no further block is at hand.
  virtual void flush() = 0;
  virtual void finish() = 0;
};

/// Rows of a job to standard output or to a file. Containers that are common to all tasks are not among the columns: a
/// table of a megabyte would be in every row.
class RowOutput : public BlockOutput {
 public:
  /// `output.format` empty: by the file's ending; on standard output a table for a terminal and JSONL elsewhere.
  /// `rows`: how many there will be; a plain array has one for every task, and blocks must come in order. Throws
  /// Error(kUsage) for an unknown ending, or for results that do not fit the format, before anything ran.
  /// `before_print` is called before rows go to a terminal. `with_code`: rows have a column `code` of 12 characters
  /// behind the inputs; with `output.timing` they have one, `seconds`, behind those.
  RowOutput(base::Env& env, const host::Job& job, const bundle::Output& output, std::uint64_t rows,
            std::function<void()> before_print, Part part, bool with_code = false);

  void write(const host::Block& block, const host::Explanation* failure) override;
  void set_code(const std::string& code) override;
  void flush() override { writer_->flush(); }
  void finish() override;

 private:
  std::uint64_t read_inputs(std::uint64_t first, std::uint64_t n);
  void write_without_results(std::uint64_t end);

  OutputFile file_;
  bundle::InputReader inputs_;
  bool with_code_, with_seconds_, every_task_;
  std::uint64_t tasks_, next_ = 0;     // the job's; behind the last row
  std::vector<std::size_t> left_out_;  // parameters that rows do not repeat, as the kernel shows them
  base::Bytes code_;                   // encoded
  double seconds_ = 0;                 // of each task of the block that is written
  schema::Kernel shown_;
  std::vector<jobhost_column> columns_;
  std::unique_ptr<report::RowWriter> writer_;
};

/// The kernel as rows show it: without containers that all tasks share, and with columns of ours among its parameters.
schema::Kernel shown_kernel(const host::Job& job, const bundle::Output& output, bool with_code);

/// Adds -o, --format, --columns, --timing, --reduce and --by.
void add_output_options(CLI::App& command, bundle::Output& output);

/// Refuses what could not be written in the end, before anything is computed: throws Error(kUsage) for an unknown
/// format or ending, and when nothing can be written to the file.
void check_output(base::Env& env, const bundle::Output& output);

/// What stands in a plain array for so many tasks that have no result, in a sentence; "" where nothing has to.
std::string fill_in_words(const bundle::Output& output, std::uint64_t tasks);

/// Which columns a .npy file of the job lacks, in a sentence; "" where it has all, or those that were asked for.
std::string left_out_words(const host::Job& job, const bundle::Output& output);

/// For messages: ".csv, .jsonl, …".
inline constexpr const char* kEndings = ".csv, .jsonl, .json, .npy, .h5, .dat";

/// The format of an output; throws Error(kUsage) when neither format nor ending is known.
report::Format format_of(const bundle::Output& output);

}  // namespace jobhost::cli
