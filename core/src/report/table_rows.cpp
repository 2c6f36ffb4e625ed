#include "report/table_rows.hpp"

#include "report/row_text.hpp"
#include "report/table.hpp"

namespace jobhost::report {
namespace {

bool is_number(const schema::Type& type) {
  return type.kind == schema::Kind::kInteger || type.kind == schema::Kind::kFloating;
}

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';  // no control characters reach the terminal
  }
  return text;
}

/// Of lists and the like in brief what they hold: a row is to be read.
std::string cell_text(const schema::Type& type, base::ByteReader& reader) {
  std::string text;
  if (schema::is_scalar(type)) {
    schema::append_plain(type, reader, text);
  } else {
    base::ByteReader whole = reader;
    std::string skipped;
    schema::append_plain(type, reader, skipped);
    schema::append_brief(type, whole.take(whole.remaining() - reader.remaining()), text);
  }
  return printable(std::move(text));
}

/// Whether each cell of a result is a number, in the order of for_each_cell().
void add_cells(const schema::Type& type, std::vector<bool>& numbers) {
  if (type.kind != schema::Kind::kRecord) return numbers.push_back(is_number(type));
  for (const auto& item : type.items) add_cells(item, numbers);
}

class TableWriter : public RowWriter {
 public:
  TableWriter(const schema::Kernel& kernel, TextSink sink, int width)
      : kernel_(kernel), sink_(std::move(sink)), width_(width) {
    columns_.push_back({"task", true, 0});
    for (const auto& parameter : kernel.parameters) {
      const bool number = is_number(parameter.type);
      columns_.push_back({column_name(parameter.name), number, 0, !number});
    }
    const auto names = result_columns(kernel.result);
    std::vector<bool> numbers;
    add_cells(kernel.result, numbers);
    for (std::size_t c = 0; c < names.size(); ++c) {
      columns_.push_back({names[c], numbers[c], 0, c == 0});  // failures are told in the first
    }
  }

  void results(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
               const jobhost_column& results) override {
    for (std::uint64_t i = 0; i < n; ++i) {
      std::vector<std::string> row = inputs_of(first + i, i, inputs);
      base::ByteReader reader(bundle::value_at(results, i));
      for_each_cell(kernel_.result, reader,
                    [&](const schema::Type& type, base::ByteReader& value) { row.push_back(cell_text(type, value)); });
      add(std::move(row));
    }
  }

  void failure(std::uint64_t task, const std::vector<jobhost_column>& inputs, const Failure& failure) override {
    std::vector<std::string> row = inputs_of(task, 0, inputs);
    row.push_back(printable(in_one_line(failure)));
    row.resize(columns_.size());
    add(std::move(row));
  }

  void flush() override {
    if (header_written_ || waiting_.size() >= kFirstPart) write();
  }
  void finish() override { write(); }

 private:
  static constexpr std::size_t kFirstPart = 200;  // rows that decide the widths

  std::vector<std::string> inputs_of(std::uint64_t task, std::uint64_t i, const std::vector<jobhost_column>& inputs) {
    std::vector<std::string> row{std::to_string(task)};
    for (std::size_t p = 0; p < inputs.size(); ++p) {
      base::ByteReader reader(bundle::value_at(inputs[p], i));
      row.push_back(cell_text(kernel_.parameters[p].type, reader));
    }
    return row;
  }

  void add(std::vector<std::string> row) {
    waiting_.push_back(std::move(row));
    if (waiting_.size() >= kFirstPart) write();
  }

  void write() {
    if (waiting_.empty() && header_written_) return;
    const std::string text = format_table(columns_, waiting_, width_, !header_written_);
    header_written_ = true;
    waiting_.clear();
    sink_(text);
  }

  schema::Kernel kernel_;
  TextSink sink_;
  int width_;
  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> waiting_;
  bool header_written_ = false;
};

}  // namespace

std::unique_ptr<RowWriter> make_table_writer(const schema::Kernel& kernel, TextSink sink, int width) {
  return std::make_unique<TableWriter>(kernel, std::move(sink), width);
}

}  // namespace jobhost::report
