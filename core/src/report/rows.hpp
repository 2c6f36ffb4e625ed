#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "jobhost/sdk/abi.h"
#include "schema/type.hpp"

namespace jobhost::report {

enum class Format {
  kTable,
  kJsonl,
  kCsv,
  kJson,
  kNpy,
  kGnuplot,
  kHdf5,      // is not written row by row
  kDocument,  // kJson inside {"schema": "jobhost/1", "rows": …}
};

/// What a failed task says in a row; see docs for the JSON form.
struct Failure {
  std::string kind;   // "exception", "crash", "timeout", "lost"
  std::string type;   // demangled C++ type, or ""
  std::string what;   // message
  std::string where;  // "f at pi.cpp:12", or ""
  std::optional<int> signal;
};

/// Takes text in order; returns only when it is written or throws.
using TextSink = std::function<void(std::string_view)>;

/// Turns tasks with their inputs and outcomes into rows of text. Rows come in the order of the calls. One writer per
/// output; not for several threads at once.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  /// Tasks [first, first+n) succeeded: inputs by parameter, results as the column of the kernel's result type.
  virtual void results(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
                       const jobhost_column& results) = 0;
  /// Task `task` failed; `inputs` holds that task's values at position 0.
  virtual void failure(std::uint64_t task, const std::vector<jobhost_column>& inputs, const Failure& failure) = 0;
  /// Tasks [first, first+n) have not been computed: for formats that have a row for every task.
  virtual void without_results(std::uint64_t, std::uint64_t, const std::vector<jobhost_column>&) {}
  /// Flushes what is buffered to the sink, for a reader that waits (called when no further row is at hand).
  virtual void flush() = 0;
  /// Ends the output (closing bracket, table's last lines) and flushes. No call afterwards.
  virtual void finish() = 0;
};

/// "table", "jsonl", "csv", "json", "npy", "dat", "h5" or "document"; nothing for any other word.
std::optional<Format> format_named(const std::string& word);

/// What some formats have to know beforehand.
struct Extent {
  int width = 0;                          // tables: columns of the terminal, 0 when there is none (no truncation)
  std::uint64_t rows = 0;                 // arrays: how many rows will come
  std::uint64_t block = 0;                // gnuplot: tasks between empty lines, 0 for none
  std::vector<std::string> columns = {};  // NPY: of a plain array
};

/// Throws Error(kUsage) when the kernel's results cannot be written in that format.
std::unique_ptr<RowWriter> make_row_writer(Format format, const schema::Kernel& kernel, TextSink sink,
                                           Extent extent = {});

}  // namespace jobhost::report
