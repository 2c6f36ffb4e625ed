#include "report/npy_rows.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "report/row_text.hpp"

namespace jobhost::report {
namespace {

using schema::Kind;

/// What NumPy calls a type of fixed size; "" for one it has no name for, or of no fixed size.
std::string descriptor(const schema::Type& type) {
  switch (type.kind) {
    case Kind::kBool:
      return "|b1";
    case Kind::kInteger:
    case Kind::kEnumeration:
      return (type.width == 1 ? "|" : "<") + std::string(type.is_signed ? "i" : "u") + std::to_string(type.width);
    case Kind::kFloating:
      return "<f" + std::to_string(type.width);
    case Kind::kString:
      return type.width > 0 ? "|S" + std::to_string(type.width) : "";
    default:
      return "";
  }
}

void append_field(const std::string& name, const std::string& what, std::string& list) {
  list += list.empty() ? "('" : ", ('";
  for (char c : name) {
    if (c == '\'' || c == '\\') list += '\\';
    list += c;
  }
  list += "', '" + what + "')";
}

class NpyWriter : public RowWriter {
 public:
  NpyWriter(const schema::Kernel& kernel, TextSink sink, std::uint64_t rows)
      : kernel_(kernel), buffer_(std::move(sink)) {
    std::string fields;
    append_field("task", "<u8", fields);
    for (const auto& parameter : kernel.parameters) {
      const std::string what = descriptor(parameter.type);
      if (!what.empty()) append_field(column_name(parameter.name), what, fields);
    }
    append_results(kernel.result, "result", fields);
    if (nothing_.empty() && kernel.result.kind != Kind::kVoid) {
      throw base::Error(
          base::ExitCode::kUsage,
          "'" + kernel.name + "' returns " + schema::cpp_name(kernel.result) + ", and a .npy file holds numbers only",
          "write .csv, .jsonl or .json instead");
    }
    append_field("ok", "|b1", fields);
    std::string header =
        "{'descr': [" + fields + "], 'fortran_order': False, 'shape': (" + std::to_string(rows) + ",), }";
    constexpr std::size_t kPreamble = 10, kAlignment = 64;
    const std::size_t size = (kPreamble + header.size() + kAlignment) / kAlignment * kAlignment - kPreamble;
    header.resize(size - 1, ' ');
    const char preamble[kPreamble] = {
        '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<char>(size & 0xff), static_cast<char>(size >> 8)};
    buffer_.text().append(preamble, kPreamble);
    buffer_.text() += header + "\n";
  }

  void results(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
               const jobhost_column& results) override {
    for (std::uint64_t i = 0; i < n; ++i) {
      begin(first + i, i, inputs);
      base::ByteReader reader(bundle::value_at(results, i));
      if (kernel_.result.kind != Kind::kVoid) {
        for_each_cell(kernel_.result, reader, [this](const schema::Type& type, base::ByteReader& value) {
          if (!descriptor(type).empty()) {
            append(value.take(type.kind == Kind::kBool ? 1 : type.width));
          } else {
            skipped_.clear();
            schema::append_plain(type, value, skipped_);
          }
        });
      }
      end(true);
    }
  }

  void failure(std::uint64_t task, const std::vector<jobhost_column>& inputs, const Failure&) override {
    begin(task, 0, inputs);
    buffer_.text() += nothing_;
    end(false);
  }

  void flush() override { buffer_.pass_on(); }
  void finish() override { buffer_.pass_on(); }

 private:
  /// Adds the result's cells to the description, and to the row of a failed task.
  void append_results(const schema::Type& type, const std::string& name, std::string& fields) {
    if (type.kind == Kind::kRecord) {
      for (std::size_t i = 0; i < type.items.size(); ++i) {
        append_results(type.items[i], name + "." + type.fields[i], fields);
      }
      return;
    }
    const std::string what = descriptor(type);
    if (what.empty()) return;
    append_field(name, what, fields);
    unsigned char none[16] = {};
    if (type.kind == Kind::kFloating && type.width == 4) {
      const float nan = std::numeric_limits<float>::quiet_NaN();
      std::memcpy(none, &nan, sizeof nan);
    } else if (type.kind == Kind::kFloating && type.width == 8) {
      const double nan = std::numeric_limits<double>::quiet_NaN();
      std::memcpy(none, &nan, sizeof nan);
    } else if (type.kind == Kind::kFloating) {
      const long double nan = std::numeric_limits<long double>::quiet_NaN();
      std::memcpy(none, &nan, 10);
    }
    nothing_.append(reinterpret_cast<const char*>(none), type.kind == Kind::kBool ? 1 : type.width);
  }

  void begin(std::uint64_t task, std::uint64_t i, const std::vector<jobhost_column>& inputs) {
    buffer_.text().append(reinterpret_cast<const char*>(&task), sizeof task);
    for (std::size_t p = 0; p < inputs.size(); ++p) {
      const schema::Type& type = kernel_.parameters[p].type;
      if (descriptor(type).empty()) continue;
      const auto value = bundle::value_at(inputs[p], i);
      append(type.kind == Kind::kString ? value.subspan(8) : value);
    }
  }
  void end(bool ok) {
    buffer_.text() += static_cast<char>(ok);
    buffer_.pass_on_when_full();
  }
  void append(base::ByteView bytes) { buffer_.text() += base::as_text(bytes); }

  schema::Kernel kernel_;
  Buffer buffer_;
  std::string nothing_, skipped_;
};

}  // namespace

std::unique_ptr<RowWriter> make_npy_writer(const schema::Kernel& kernel, TextSink sink, std::uint64_t rows) {
  return std::make_unique<NpyWriter>(kernel, std::move(sink), rows);
}

}  // namespace jobhost::report
