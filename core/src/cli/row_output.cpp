#include "cli/row_output.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>

#include "base/file.hpp"
#include "cli/signals.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

int terminal_width() {
  winsize size{};
  return ::isatty(1) == 1 && ::ioctl(1, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

report::Failure in_row(const host::Explanation& words) {
  return {words.kind, words.type, words.what, words.where, words.signal};
}

}  // namespace

report::Format format_of(const bundle::Output& output) {
  std::string word = output.format;
  if (word.empty() && output.file.empty()) word = ::isatty(1) == 1 ? "table" : "jsonl";
  if (word.empty()) {
    const std::size_t dot = output.file.rfind('.');
    word = dot == std::string::npos ? "" : output.file.substr(dot + 1);
  }
  if (const auto format = report::format_named(word)) return *format;
  throw base::Error(base::ExitCode::kUsage,
                    output.file.empty() ? "unknown format '" + word + "'"
                                        : "'" + output.file + "' does not end in .csv, .jsonl or .json",
                    "--format says what to write: table, jsonl, csv or json");
}

void add_output_options(CLI::App& command, bundle::Output& output) {
  command.add_option("-o,--output", output.file, "Write rows to FILE (.csv, .jsonl, .json)")->type_name("FILE");
  command.add_option("--format", output.format, "table, jsonl, csv or json (default: table on a terminal, else jsonl)")
      ->check(CLI::IsMember({"table", "jsonl", "csv", "json"}));
}

RowOutput::RowOutput(base::Env& env, const host::Job& job, const bundle::Output& output,
                     std::function<void()> before_print)
    : env_(env),
      job_(job),
      path_(output.file),
      before_print_(std::move(before_print)),
      inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()),
      explainer_(job) {
  const report::Format format = format_of(output);
  if (!path_.empty()) {
    unfinished_ = path_ + "." + job.manifest.job + ".part";
    file_.emplace(env, unfinished_, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  }
  writer_ = report::make_row_writer(
      format, job.manifest.kernel, [this](std::string_view text) { write_text(text); },
      path_.empty() ? terminal_width() : 0);
}

RowOutput::~RowOutput() {
  if (!file_) return;
  file_.reset();
  env_.remove(unfinished_);
}

void RowOutput::write_text(std::string_view text) {
  if (file_) return file_->write(base::as_bytes(text));
  if (::isatty(1) == 1) before_print_();
  while (!text.empty()) {
    const ssize_t written = env_.write(1, text.data(), text.size());
    if (written == -EPIPE) throw ReaderGone();
    if (written == -EINTR || written == -EAGAIN) continue;
    if (written < 0) base::throw_file_error(static_cast<int>(written), "write to", "standard output");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void RowOutput::write(const host::Block& block) {
  if (block.failed) {
    inputs_.read(block.first, 1, columns_);
    last_failure_ = explainer_.explain(block.failure, block.modules);
    writer_->failure(block.first, columns_, in_row(last_failure_));
    return;
  }
  jobhost_column results = block.results;
  for (std::uint64_t done = 0; done < block.count;) {
    constexpr std::uint64_t kRows = 8192;  // argument columns of so many rows stay in the cache
    const std::uint64_t n = inputs_.read(block.first + done, std::min(kRows, block.count - done), columns_);
    writer_->results(block.first + done, n, columns_, results);
    if (results.offsets) {
      results.offsets += n;
    } else {
      results.data += n * results.stride;
    }
    done += n;
  }
}

void RowOutput::finish() {
  writer_->finish();
  if (!file_) return;
  file_->close();
  file_.reset();
  if (const int failure = env_.rename(unfinished_, path_); failure < 0) {
    base::throw_file_error(failure, "rename the finished output to", path_);
  }
}

std::string RowOutput::inputs_json(std::uint64_t task) {
  inputs_.read(task, 1, columns_);
  std::string text = "{";
  const auto& parameters = job_.manifest.kernel.parameters;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    if (p > 0) text += ", ";
    schema::append_json_string(parameters[p].name, text);
    text += ": ";
    base::ByteReader reader(bundle::value_at(columns_[p], 0));
    schema::append_json(parameters[p].type, reader, text);
  }
  return text + "}";
}

std::string RowOutput::inputs_of(std::uint64_t task) {
  inputs_.read(task, 1, columns_);
  std::string text;
  const auto& parameters = job_.manifest.kernel.parameters;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    text += (text.empty() ? "" : " ") + parameters[p].name + "=";
    base::ByteReader reader(bundle::value_at(columns_[p], 0));
    schema::append_plain(parameters[p].type, reader, text);
  }
  return text;
}

}  // namespace jobhost::cli
