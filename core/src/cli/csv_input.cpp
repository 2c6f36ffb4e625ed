#include <csv.h>

#include <exception>

#include "base/error.hpp"
#include "cli/row_input.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

class CsvRows {
 public:
  CsvRows(const std::string& path, char separator, const schema::Kernel& kernel, const OpenPack& open)
      : path_(name_of_file(path)), separator_(separator), kernel_(kernel), open_(open) {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&parser_, static_cast<unsigned char>(separator));
  }
  CsvRows(const CsvRows&) = delete;
  CsvRows& operator=(const CsvRows&) = delete;
  ~CsvRows() { csv_free(&parser_); }

  void feed(std::string_view line) {
    ++line_;
    if (csv_parse(&parser_, line.data(), line.size(), &on_cell, &on_row, this) != line.size()) malformed();
    rethrow();
  }

  void finish() {
    if (csv_fini(&parser_, &on_cell, &on_row, this) != 0) malformed();
    rethrow();
    if (!pack_) throw base::Error(base::ExitCode::kUsage, "'" + path_ + "' is empty: it has no header row");
  }

 private:
  // Exceptions must not pass through the C parser: they wait here until it returns.
  static void on_cell(void* text, std::size_t size, void* self) {
    auto* rows = static_cast<CsvRows*>(self);
    if (rows->failure_) return;
    try {
      rows->cell({static_cast<const char*>(text), size});
    } catch (...) {
      rows->failure_ = std::current_exception();
    }
  }
  static void on_row(int, void* self) {
    auto* rows = static_cast<CsvRows*>(self);
    if (rows->failure_) return;
    try {
      rows->end_row();
    } catch (...) {
      rows->failure_ = std::current_exception();
    }
  }
  void rethrow() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  std::string here() const { return path_ + " line " + std::to_string(line_); }

  [[noreturn]] void malformed() {
    rethrow();
    throw base::Error(base::ExitCode::kUsage, here() + ": a quote stands where none may, or is never closed");
  }

  void cell(std::string_view text) {
    if (!pack_) {
      header_.emplace_back(text);
      return;
    }
    const std::size_t column = cells_++;
    if (column >= columns_.size() || columns_[column] < 0) return;
    const auto& parameter = kernel_.parameters[static_cast<std::size_t>(columns_[column])];
    value_.clear();
    const std::string why = schema::encode_text(parameter.type, text, value_);
    if (!why.empty()) {
      throw base::Error(base::ExitCode::kUsage, here() + ", column '" + header_[column] + "': " + why,
                        kernel_.signature);
    }
    pack_->append(stored_[column], value_);
  }

  void end_row() {
    if (!pack_) return read_header();
    if (cells_ != columns_.size()) {
      throw base::Error(base::ExitCode::kUsage, here() + " has " + std::to_string(cells_) + " cells, the header has " +
                                                    std::to_string(columns_.size()));
    }
    pack_->end_row();
    cells_ = 0;
  }

  /// A header of a single cell that holds what others separate cells by.
  void require_separator() const {
    if (header_.size() != 1) return;
    for (const char other : {';', '\t', ','}) {
      if (other == separator_ || header_[0].find(other) == std::string::npos) continue;
      const auto name = [](char c) { return c == '\t' ? std::string("tabs") : "'" + std::string(1, c) + "'"; };
      throw base::Error(base::ExitCode::kUsage,
                        here() + ": separated by " + name(other) + "? " + name(separator_) + " is expected",
                        other == '\t'  ? "read it with --tsv"
                        : other == ',' ? "read it with --csv"
                                       : "write it with commas (and points in numbers), or with tabs for --tsv");
    }
  }

  void read_header() {
    require_separator();
    std::vector<std::uint32_t> parameters;
    for (const auto& name : header_) {
      const int parameter = parameter_of(kernel_, name, path_);
      columns_.push_back(parameter);
      stored_.push_back(static_cast<std::uint32_t>(parameters.size()));
      if (parameter < 0) continue;
      for (const auto earlier : parameters) {
        if (earlier == static_cast<std::uint32_t>(parameter)) {
          throw base::Error(base::ExitCode::kUsage, path_ + ": column '" + name + "' occurs twice");
        }
      }
      parameters.push_back(static_cast<std::uint32_t>(parameter));
    }
    pack_ = &open_(parameters);
  }

  csv_parser parser_{};
  std::string path_;
  char separator_;
  const schema::Kernel& kernel_;
  const OpenPack& open_;
  bundle::PackWriter* pack_ = nullptr;
  std::vector<std::string> header_;
  std::vector<int> columns_;           // parameter per column of the file, -1: passed over
  std::vector<std::uint32_t> stored_;  // column of the pack per column of the file
  std::uint64_t line_ = 0;
  std::size_t cells_ = 0;
  base::Bytes value_;
  std::exception_ptr failure_;
};

}  // namespace

std::string read_csv(base::Env& env, const std::string& path, char separator, const schema::Kernel& kernel,
                     const OpenPack& open) {
  CsvRows rows(path, separator, kernel, open);
  std::string sha256 = for_each_line(env, path, [&](std::string_view line) { rows.feed(line); });
  rows.finish();
  return sha256;
}

}  // namespace jobhost::cli
