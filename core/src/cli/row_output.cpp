#include "cli/row_output.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/suggest.hpp"
#include "cli/hdf5_output.hpp"
#include "cli/one_line.hpp"
#include "cli/one_of.hpp"
#include "cli/output_target.hpp"
#include "cli/tables.hpp"
#include "report/npy_rows.hpp"
#include "report/reduction.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kRows = 8192;   // argument columns of so many rows stay in the cache
constexpr std::uint8_t kCodeSize = 12;  // all codes have so many characters: arrays have room for them

report::Failure in_row(const host::Explanation& words) {
  return {words.kind, words.type, words.what, words.where, words.signal};
}

std::vector<std::size_t> common_containers(const bundle::Manifest& manifest) {
  const auto& kernel = manifest.kernel;
  const auto common = bundle::common_parameters(manifest.inputs, kernel);
  std::vector<std::size_t> found;
  for (std::size_t p = kernel.own; p < common.size(); ++p) {
    if (common[p] && !schema::is_scalar(kernel.parameters[p].type)) found.push_back(p - kernel.own);
  }
  return found;
}

template <class T>
void erase_at(const std::vector<std::size_t>& positions, std::vector<T>& list) {
  for (auto at = positions.rbegin(); at != positions.rend(); ++at) {
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(*at));
  }
}

schema::Kernel without(const std::vector<std::size_t>& parameters, const schema::Kernel& kernel) {
  schema::Kernel shown = schema::as_shown(kernel);
  erase_at(parameters, shown.parameters);
  return shown;
}

/// A column of ours, as if it were the kernel's last parameter.
void add_column(schema::Kernel& shown, const std::string& name, schema::Kind kind, std::uint8_t width) {
  for (auto& parameter : shown.parameters) {
    if (parameter.name == name) parameter.name = "arg." + name;
  }
  schema::Parameter column{name, {}};
  column.type.kind = kind;
  column.type.width = width;
  shown.parameters.push_back(std::move(column));
}

/// Of a grid, the tasks that share the first of several values: the rows of one line of a surface.
std::uint64_t tasks_per_block(const bundle::Inputs& inputs) {
  std::uint64_t block = 1;
  bool first = true, grid = false;
  for (const auto& axis : inputs.axes) {
    if (axis.length == 1) continue;
    if (!first) block *= axis.length;
    grid = !first;
    first = false;
  }
  return grid ? block : 0;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    words.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace

schema::Kernel shown_kernel(const host::Job& job, const bundle::Output& output, bool with_code) {
  schema::Kernel shown = without(common_containers(job.manifest), job.manifest.kernel);
  if (with_code) add_column(shown, "code", schema::Kind::kString, kCodeSize);
  if (output.timing) add_column(shown, "seconds", schema::Kind::kFloating, sizeof(double));
  return shown;
}

report::Format format_of(const bundle::Output& output) {
  std::string word = output.format;
  if (word.empty() && output.file.empty()) word = ::isatty(1) == 1 ? "table" : "jsonl";
  if (word.empty()) {
    const std::size_t dot = output.file.rfind('.');
    word = dot == std::string::npos ? "" : output.file.substr(dot + 1);
  }
  const auto format = report::format_named(word);
  if (format == report::Format::kNpy && output.file.empty()) {
    throw base::Error(base::ExitCode::kUsage, "NPY goes to a file only", "write -o FILE.npy");
  }
  if (format) return *format;
  const auto near = base::nearest(word, {"csv", "jsonl", "json", "npy", "h5", "dat"});
  throw base::Error(base::ExitCode::kUsage,
                    output.file.empty() ? "unknown format '" + word + "'"
                                        : "'" + output.file + "' does not end in one of " + kEndings,
                    (near ? "did you mean '." + *near + "'?\n" : "") +
                        "--format says what to write: table, jsonl, csv, json, npy, h5 or dat");
}

void add_output_options(CLI::App& command, bundle::Output& output) {
  command.add_option("-o,--output", output.file, std::string("Write rows to FILE (") + kEndings + ")")
      ->type_name("FILE");
  command
      .add_option("--format", output.format,
                  "table, jsonl, csv, json, npy, h5 (HDF5) or dat (gnuplot); default: table on a terminal, else jsonl")
      ->type_name("NAME")
      ->check(one_of({"table", "jsonl", "csv", "json", "npy", "h5", "dat"}));
  command
      .add_option("--columns", output.columns,
                  "Write these columns alone as a plain NumPy array (.npy) that has a row for every task")
      ->type_name("NAME,...");
  command.add_flag("--timing", output.timing, "A column 'seconds' in each row: how long the task took");
  command
      .add_option("--reduce", output.reduce,
                  "Print sum, mean, var, std, sem (of the mean), min, max or hist:N of the results instead of rows")
      ->type_name("LIST");
  command.add_option("--by", output.by, "With --reduce: a row for each value, or pair of values, of these parameters")
      ->type_name("NAME,...");
}

void check_output(base::Env& env, const bundle::Output& output) {
  if (format_of(output) == report::Format::kHdf5) Hdf5Output::check(env, output.file);
  if (!output.by.empty() && output.reduce.empty()) {
    throw base::Error(base::ExitCode::kUsage, "--by groups what --reduce computes, and there is no --reduce",
                      "write --reduce mean --by " + output.by);
  }
  if (!output.reduce.empty()) report::parse_reduction(output.reduce);
  if (!output.columns.empty() && (format_of(output) != report::Format::kNpy || !output.reduce.empty())) {
    throw base::Error(base::ExitCode::kUsage, "--columns makes a plain array of NumPy",
                      "write -o FILE.npy --columns " + output.columns);
  }
  if (!output.file.empty()) output_target(env, output.file);
}

std::string fill_in_words(const bundle::Output& output, std::uint64_t tasks) {
  if (output.columns.empty() || tasks == 0) return "";
  return "note: " + count_of(tasks, "task") + (tasks == 1 ? " has" : " have") +
         " no result: NaN stands there, or 0 where numbers are whole; --columns ok says which";
}

std::string left_out_words(const host::Job& job, const bundle::Output& output) {
  if (!output.reduce.empty() || !output.columns.empty() || format_of(output) != report::Format::kNpy) return "";
  std::string names;
  for (const auto& column : report::left_out_of_npy(shown_kernel(job, output, false))) {
    names += (names.empty() ? "" : ", ") + column.name;
  }
  if (names.empty()) return "";
  return std::string("note: ") + report::kWhatNpyHas + ": left out are " + names + "; .h5, .csv and .jsonl hold all";
}

RowOutput::RowOutput(base::Env& env, const host::Job& job, const bundle::Output& output, std::uint64_t rows,
                     std::function<void()> before_print, Part part, bool with_code)
    : file_(env, output.file, job.manifest.job, part, std::move(before_print)),
      inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()),
      with_code_(with_code),
      with_seconds_(output.timing),
      every_task_(!output.columns.empty()),
      tasks_(job.manifest.tasks),
      left_out_(common_containers(job.manifest)),
      shown_(shown_kernel(job, output, with_code)),
      writer_(report::make_row_writer(format_of(output), shown_, [this](std::string_view text) { file_.write(text); },
                                      {output.file.empty() ? terminal_width() : 0, every_task_ ? tasks_ : rows,
                                       tasks_per_block(job.manifest.inputs), split(output.columns)})) {}

void RowOutput::set_code(const std::string& code) {
  const std::uint64_t size = code.size();
  code_.resize(sizeof size + size);
  std::memcpy(code_.data(), &size, sizeof size);
  std::memcpy(code_.data() + sizeof size, code.data(), size);
}

std::uint64_t RowOutput::read_inputs(std::uint64_t first, std::uint64_t n) {
  n = inputs_.read_shown(first, n, columns_);
  erase_at(left_out_, columns_);
  if (with_code_) columns_.push_back({code_.data(), nullptr, 0, code_.size()});
  if (with_seconds_) {
    columns_.push_back({reinterpret_cast<const unsigned char*>(&seconds_), nullptr, 0, sizeof seconds_});
  }
  return n;
}

void RowOutput::write(const host::Block& block, const host::Explanation* failure) {
  if (every_task_) write_without_results(block.first);
  next_ = block.first + block.count;
  seconds_ = static_cast<double>(block.nanoseconds) * 1e-9;
  if (failure) {
    read_inputs(block.first, 1);
    writer_->failure(block.first, columns_, in_row(*failure));
    return;
  }
  jobhost_column results = block.results;
  for (std::uint64_t done = 0; done < block.count;) {
    const std::uint64_t n = read_inputs(block.first + done, std::min(kRows, block.count - done));
    writer_->results(block.first + done, n, columns_, results);
    if (results.offsets) {
      results.offsets += n;
    } else {
      results.data += n * results.stride;
    }
    done += n;
  }
}

/// Rows for tasks from the last one written to `end`.
void RowOutput::write_without_results(std::uint64_t end) {
  if (next_ >= end) return;
  const base::Bytes code = code_;
  set_code(std::string(kCodeSize, '\0'));
  seconds_ = std::numeric_limits<double>::quiet_NaN();
  while (next_ < end) {
    const std::uint64_t n = read_inputs(next_, std::min(kRows, end - next_));
    writer_->without_results(next_, n, columns_);
    next_ += n;
  }
  code_ = code;
}

void RowOutput::finish() {
  if (every_task_) write_without_results(tasks_);
  writer_->finish();
  file_.finish();
}

}  // namespace jobhost::cli
