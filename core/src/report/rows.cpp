#include "report/rows.hpp"

#include <charconv>

#include "base/error.hpp"
#include "report/gnuplot_rows.hpp"
#include "report/npy_rows.hpp"
#include "report/number_rows.hpp"
#include "report/row_text.hpp"
#include "report/table_rows.hpp"

namespace jobhost::report {
namespace {

void add_columns(const schema::Type& type, const std::string& name, std::vector<std::string>& names) {
  if (type.kind != schema::Kind::kRecord) {
    names.push_back(name);
    return;
  }
  for (std::size_t i = 0; i < type.items.size(); ++i) add_columns(type.items[i], name + "." + type.fields[i], names);
}

void append_number(std::uint64_t value, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// RFC 4180: quoted where it holds a comma, a quote, a line break, or blanks at its ends.
void append_cell_text(std::string_view text, std::string& out) {
  const bool quote = text.find_first_of(",\"\n\r") != std::string_view::npos ||
                     (!text.empty() && (text.front() == ' ' || text.back() == ' '));
  if (!quote) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

class CsvWriter : public RowWriter {
 public:
  CsvWriter(const schema::Kernel& kernel, TextSink sink) : kernel_(kernel), buffer_(std::move(sink)) {
    std::string& out = buffer_.text();
    out += "task";
    for (const auto& parameter : kernel.parameters) {
      out += ',';
      append_cell_text(column_name(parameter.name), out);
    }
    for (const auto& name : result_columns(kernel.result)) {
      out += ',';
      append_cell_text(name, out);
      ++result_cells_;
    }
    out += ",error\n";
    numbers_ = NumberRows::of(kernel_, false, {"", ",\n", std::vector<std::string>(kernel.parameters.size() + 1, ",")});
  }

  void results(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
               const jobhost_column& results) override {
    if (numbers_) return numbers_->append(first, n, inputs, results, buffer_);
    std::string& out = buffer_.text();
    for (std::uint64_t i = 0; i < n; ++i) {
      inputs_of(first + i, i, inputs);
      base::ByteReader reader(bundle::value_at(results, i));
      for_each_cell(kernel_.result, reader, [&](const schema::Type& type, base::ByteReader& value) {
        out += ',';
        cell(type, value);
      });
      out += ",\n";
      buffer_.pass_on_when_full();
    }
  }

  void failure(std::uint64_t task, const std::vector<jobhost_column>& inputs, const Failure& failure) override {
    inputs_of(task, 0, inputs);
    buffer_.text().append(result_cells_ + 1, ',');
    append_cell_text(in_one_line(failure), buffer_.text());
    buffer_.text() += '\n';
    buffer_.pass_on_when_full();
  }

  void flush() override { buffer_.pass_on(); }
  void finish() override { buffer_.pass_on(); }

 private:
  void inputs_of(std::uint64_t task, std::uint64_t i, const std::vector<jobhost_column>& inputs) {
    append_number(task, buffer_.text());
    for (std::size_t p = 0; p < inputs.size(); ++p) {
      buffer_.text() += ',';
      base::ByteReader reader(bundle::value_at(inputs[p], i));
      cell(kernel_.parameters[p].type, reader);
    }
  }

  void cell(const schema::Type& type, base::ByteReader& reader) {
    using schema::Kind;
    if (type.kind == Kind::kInteger || type.kind == Kind::kFloating || type.kind == Kind::kBool) {
      schema::append_plain(type, reader, buffer_.text());
      return;
    }
    cell_.clear();
    schema::append_plain(type, reader, cell_);
    append_cell_text(cell_, buffer_.text());
  }

  schema::Kernel kernel_;
  Buffer buffer_;
  std::size_t result_cells_ = 0;
  std::string cell_;
  std::optional<NumberRows> numbers_;
};

/// One object a line, or all of them in one array.
class JsonWriter : public RowWriter {
 public:
  JsonWriter(const schema::Kernel& kernel, TextSink sink, Format format)
      : kernel_(kernel),
        buffer_(std::move(sink)),
        array_(format != Format::kJsonl),
        end_(format == Format::kDocument ? "}\n" : "\n") {
    for (const auto& parameter : kernel.parameters) {
      std::string key = ", ";
      schema::append_json_string(column_name(parameter.name), key);
      keys_.push_back(key + ": ");
    }
    if (format == Format::kDocument) buffer_.text() += "{\"schema\": \"jobhost/1\", \"rows\": ";
    if (array_) buffer_.text() += '[';
    std::vector<std::string> before = keys_;
    before.emplace_back(", \"result\": ");
    if (!array_) numbers_ = NumberRows::of(kernel_, true, {"{\"task\": ", "}\n", std::move(before)});
  }

  void results(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
               const jobhost_column& results) override {
    if (numbers_) return numbers_->append(first, n, inputs, results, buffer_);
    std::string& out = buffer_.text();
    for (std::uint64_t i = 0; i < n; ++i) {
      begin(first + i, i, inputs);
      out += ", \"result\": ";
      base::ByteReader reader(bundle::value_at(results, i));
      schema::append_json(kernel_.result, reader, out);
      end();
    }
  }

  void failure(std::uint64_t task, const std::vector<jobhost_column>& inputs, const Failure& failure) override {
    std::string& out = buffer_.text();
    begin(task, 0, inputs);
    out += ", \"error\": {\"kind\": ";
    schema::append_json_string(failure.kind, out);
    out += ", \"type\": ";
    schema::append_json_string(failure.type, out);
    out += ", \"what\": ";
    schema::append_json_string(failure.what, out);
    out += ", \"where\": ";
    schema::append_json_string(failure.where, out);
    out += ", \"signal\": ";
    out += failure.signal ? std::to_string(*failure.signal) : "null";
    out += '}';
    end();
  }

  void flush() override { buffer_.pass_on(); }
  void finish() override {
    if (array_) buffer_.text() += (any_ ? "\n]" : "]") + end_;
    buffer_.pass_on();
  }

 private:
  void begin(std::uint64_t task, std::uint64_t i, const std::vector<jobhost_column>& inputs) {
    std::string& out = buffer_.text();
    if (array_) out += any_ ? ",\n " : "\n ";
    any_ = true;
    out += "{\"task\": ";
    append_number(task, out);
    for (std::size_t p = 0; p < inputs.size(); ++p) {
      out += keys_[p];
      base::ByteReader reader(bundle::value_at(inputs[p], i));
      schema::append_json(kernel_.parameters[p].type, reader, out);
    }
  }
  void end() {
    buffer_.text() += array_ ? "}" : "}\n";
    buffer_.pass_on_when_full();
  }

  schema::Kernel kernel_;
  Buffer buffer_;
  bool array_;
  bool any_ = false;
  std::string end_;
  std::vector<std::string> keys_;
  std::optional<NumberRows> numbers_;
};

}  // namespace

std::string column_name(const std::string& parameter) {
  const bool taken = parameter == "task" || parameter == "result" || parameter == "error";
  return taken ? "arg." + parameter : parameter;
}

std::vector<std::string> result_columns(const schema::Type& type) {
  std::vector<std::string> names;
  add_columns(type, "result", names);
  return names;
}

std::string in_one_line(const Failure& failure) {
  std::string text = failure.kind;
  if (!failure.type.empty()) text += " " + failure.type;
  if (!failure.what.empty() && failure.what != failure.type) text += ": " + failure.what;
  if (!failure.where.empty()) text += " (" + failure.where + ")";
  return text;
}

std::optional<Format> format_named(const std::string& word) {
  if (word == "table") return Format::kTable;
  if (word == "jsonl") return Format::kJsonl;
  if (word == "csv") return Format::kCsv;
  if (word == "json") return Format::kJson;
  if (word == "npy") return Format::kNpy;
  if (word == "dat") return Format::kGnuplot;
  if (word == "h5") return Format::kHdf5;
  if (word == "document") return Format::kDocument;
  return std::nullopt;
}

std::unique_ptr<RowWriter> make_row_writer(Format format, const schema::Kernel& kernel, TextSink sink, Extent extent) {
  switch (format) {
    case Format::kTable:
      return make_table_writer(kernel, std::move(sink), extent.width);
    case Format::kCsv:
      return std::make_unique<CsvWriter>(kernel, std::move(sink));
    case Format::kNpy:
      return make_npy_writer(kernel, std::move(sink), extent);
    case Format::kGnuplot:
      return make_gnuplot_writer(kernel, std::move(sink), extent.block);
    case Format::kHdf5:
      throw base::Error(base::ExitCode::kUsage, "HDF5 is not written row by row");
    case Format::kJsonl:
    case Format::kJson:
    case Format::kDocument:
      return std::make_unique<JsonWriter>(kernel, std::move(sink), format);
  }
  return nullptr;
}

}  // namespace jobhost::report
