#include "report/gnuplot_rows.hpp"

#include <algorithm>

#include "report/row_text.hpp"

namespace jobhost::report {
namespace {

using schema::Kind;

std::string in_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
  return text;
}

class GnuplotWriter : public RowWriter {
 public:
  GnuplotWriter(const schema::Kernel& kernel, TextSink sink, std::uint64_t block)
      : kernel_(kernel), buffer_(std::move(sink)), results_(result_columns(kernel.result).size()), block_(block) {
    std::string& out = buffer_.text();
    out += "# task";
    for (const auto& parameter : kernel.parameters) out += " " + column_name(parameter.name);
    for (const auto& name : result_columns(kernel.result)) out += " " + name;
    out += '\n';
  }

  void results(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
               const jobhost_column& results) override {
    for (std::uint64_t i = 0; i < n; ++i) {
      begin(first + i, i, inputs);
      base::ByteReader reader(bundle::value_at(results, i));
      for_each_cell(kernel_.result, reader,
                    [&](const schema::Type& type, base::ByteReader& value) { cell(type, value); });
      end();
    }
  }

  /// What is said of the failure is a comment before its row, whose results are no numbers.
  void failure(std::uint64_t task, const std::vector<jobhost_column>& inputs, const Failure& failure) override {
    separate(task);
    buffer_.text() += "# task " + std::to_string(task) + ": " + in_one_line(report::in_one_line(failure)) + "\n";
    begin(task, 0, inputs);
    for (std::size_t c = 0; c < results_; ++c) buffer_.text() += " NaN";
    end();
  }

  void flush() override { buffer_.pass_on(); }
  void finish() override { buffer_.pass_on(); }

 private:
  void separate(std::uint64_t task) {
    if (block_ == 0) return;
    if (task / block_ != current_ && any_) buffer_.text() += '\n';
    current_ = task / block_;
    any_ = true;
  }

  void begin(std::uint64_t task, std::uint64_t i, const std::vector<jobhost_column>& inputs) {
    separate(task);
    buffer_.text() += std::to_string(task);
    for (std::size_t p = 0; p < inputs.size(); ++p) {
      base::ByteReader reader(bundle::value_at(inputs[p], i));
      cell(kernel_.parameters[p].type, reader);
    }
  }
  void end() {
    buffer_.text() += '\n';
    buffer_.pass_on_when_full();
  }

  void cell(const schema::Type& type, base::ByteReader& reader) {
    std::string& out = buffer_.text();
    if (type.kind == Kind::kVoid) return;
    out += ' ';
    if (type.kind == Kind::kBool) {
      out += reader.value<std::uint8_t>() != 0 ? '1' : '0';
    } else if (type.kind == Kind::kInteger || type.kind == Kind::kFloating || type.kind == Kind::kEnumeration) {
      schema::append_plain(type, reader, out);
    } else {
      std::string text;
      schema::append_plain(type, reader, text);
      std::replace(text.begin(), text.end(), '"', '\'');  // there is no way to write it within quotes
      out += '"' + in_one_line(std::move(text)) + '"';
    }
  }

  schema::Kernel kernel_;
  Buffer buffer_;
  std::size_t results_;
  std::uint64_t block_, current_ = 0;
  bool any_ = false;
};

}  // namespace

std::unique_ptr<RowWriter> make_gnuplot_writer(const schema::Kernel& kernel, TextSink sink, std::uint64_t block) {
  return std::make_unique<GnuplotWriter>(kernel, std::move(sink), block);
}

}  // namespace jobhost::report
