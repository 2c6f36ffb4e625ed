#include "report/npy_rows.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/suggest.hpp"
#include "report/row_text.hpp"

namespace jobhost::report {
namespace {

using schema::Kind;

constexpr const char* kOk = "ok";  // whether the task succeeded

/// A column as NumPy knows it. Values lie in a row without gaps.
struct Field {
  std::string name, code;            // "<f8"
  std::vector<std::uint64_t> shape;  // of each value, where it is an array
  std::size_t offset, size;          // bytes in a row
};

/// What NumPy calls values of a type that are all of one size; "" for one it has no name for.
std::string code_of(const schema::Type& type) {
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
    case Kind::kArray:
      return type.items[0].kind == Kind::kString ? "" : code_of(type.items[0]);
    default:
      return "";
  }
}

/// Bytes of every value in an array; 0 for what has no place there.
std::size_t size_of(const schema::Type& type) {
  if (code_of(type).empty()) return 0;
  return type.kind == Kind::kString ? type.width : schema::fixed_size(type).value_or(0);
}

std::string field_name(const schema::Parameter& parameter) {
  return parameter.name == kOk ? "arg." + parameter.name : column_name(parameter.name);
}

void add_left_out(const schema::Type& type, const std::string& name, std::vector<LeftOut>& columns) {
  if (type.kind == Kind::kRecord) {
    for (std::size_t i = 0; i < type.items.size(); ++i) {
      add_left_out(type.items[i], name + "." + type.fields[i], columns);
    }
  } else if (size_of(type) == 0 && type.kind != Kind::kVoid) {
    columns.push_back({name, schema::cpp_name(type)});
  }
}

const schema::Type& item_of(const schema::Type& type) {
  return type.kind == Kind::kArray ? item_of(type.items[0]) : type;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const auto length : shape) text += (text.empty() ? "" : ", ") + std::to_string(length);
  return "(" + text + (shape.size() == 1 ? ",)" : ")");
}

/// A text of Python's.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

/// What stands where there is no result: NaN, 0 or false.
void append_nothing(const schema::Type& type, std::size_t size, std::string& row) {
  const auto repeat = [&](auto nan, std::size_t used) {
    unsigned char item[16] = {};
    std::memcpy(item, &nan, used);
    for (std::size_t at = 0; at < size; at += type.width) row.append(reinterpret_cast<const char*>(item), type.width);
  };
  if (type.kind != Kind::kFloating) {
    row.append(size, '\0');
  } else if (type.width == sizeof(float)) {
    repeat(std::numeric_limits<float>::quiet_NaN(), sizeof(float));
  } else if (type.width == sizeof(double)) {
    repeat(std::numeric_limits<double>::quiet_NaN(), sizeof(double));
  } else {
    repeat(std::numeric_limits<long double>::quiet_NaN(), 10);
  }
}

class NpyWriter : public RowWriter {
 public:
  NpyWriter(const schema::Kernel& kernel, TextSink sink, const Extent& extent)
      : kernel_(kernel), buffer_(std::move(sink)) {
    add_field("task", "<u8", {}, sizeof(std::uint64_t));
    for (const auto& parameter : kernel.parameters) {
      parameters_.push_back(add_field_of(parameter.type, field_name(parameter)));
    }
    add_results(kernel.result, "result");
    if (nothing_.empty() && kernel.result.kind != Kind::kVoid) {
      throw base::Error(
          base::ExitCode::kUsage,
          "'" + kernel.name + "' returns " + schema::cpp_name(kernel.result) + ", and a .npy file holds numbers only",
          "write .h5, .csv, .jsonl or .json instead");
    }
    add_field(kOk, "|b1", {}, 1);
    for (const auto& column : extent.columns) choose(column);
    write_header(extent.rows);
  }

  void results(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
               const jobhost_column& results) override {
    for (std::uint64_t i = 0; i < n; ++i) {
      begin(first + i, i, inputs);
      base::ByteReader reader(bundle::value_at(results, i));
      auto cell = cells_.begin();
      if (kernel_.result.kind != Kind::kVoid) {
        for_each_cell(kernel_.result, reader, [&](const schema::Type& type, base::ByteReader& value) {
          if (const std::size_t size = *cell++; size > 0) {
            row_ += base::as_text(value.take(size));
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
    without_results(task, 1, inputs);
  }
  void without_results(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs) override {
    for (std::uint64_t i = 0; i < n; ++i) {
      begin(first + i, i, inputs);
      row_ += nothing_;
      end(false);
    }
  }

  void flush() override { buffer_.pass_on(); }
  void finish() override { buffer_.pass_on(); }

 private:
  void add_field(const std::string& name, const std::string& code, std::vector<std::uint64_t> shape, std::size_t size) {
    const std::size_t offset = fields_.empty() ? 0 : fields_.back().offset + fields_.back().size;
    fields_.push_back({name, code, std::move(shape), offset, size});
  }

  /// Returns how many bytes its values have; 0 when NumPy has no name for them.
  std::size_t add_field_of(const schema::Type& type, const std::string& name) {
    const std::size_t size = size_of(type);
    if (size == 0) return 0;
    std::vector<std::uint64_t> shape;
    for (const auto* array = &type; array->kind == Kind::kArray; array = &array->items[0]) {
      shape.push_back(array->count);
    }
    add_field(name, code_of(type), std::move(shape), size);
    return size;
  }

  /// The result's cells, which are columns, and part of the row of a failed task.
  void add_results(const schema::Type& type, const std::string& name) {
    if (type.kind == Kind::kRecord) {
      for (std::size_t i = 0; i < type.items.size(); ++i) add_results(type.items[i], name + "." + type.fields[i]);
      return;
    }
    cells_.push_back(add_field_of(type, name));
    append_nothing(item_of(type), cells_.back(), nothing_);
  }

  /// A column of a plain array, all of which are of one type.
  void choose(const std::string& name) {
    const auto found =
        std::find_if(fields_.begin(), fields_.end(), [&](const auto& field) { return field.name == name; });
    if (found == fields_.end()) {
      for (const auto& [column, type] : left_out_of_npy(kernel_)) {
        if (column != name) continue;
        throw base::Error(base::ExitCode::kUsage, "--columns: '" + name + "' is a " + type + ", and " + kWhatNpyHas,
                          "write .h5, .csv, .jsonl or .json instead");
      }
      std::vector<std::string> names;
      for (const auto& field : fields_) names.push_back(field.name);
      const auto near = base::nearest(name, names);
      std::string list;
      for (const auto& each : names) list += (list.empty() ? "" : ", ") + each;
      throw base::Error(base::ExitCode::kUsage, "--columns: there is no column '" + name + "' of numbers",
                        (near ? "did you mean '" + *near + "'?\n" : "") + ("there are: " + list));
    }
    const Field& first = chosen_.empty() ? *found : chosen_[0];
    if (first.code != found->code || first.shape != found->shape) {
      throw base::Error(base::ExitCode::kUsage,
                        "--columns: a plain array is of one type, and '" + first.name + "' is " + type_text(first) +
                            ", '" + name + "' is " + type_text(*found),
                        "write a file for each, or leave --columns out for an array with named columns");
    }
    chosen_.push_back(*found);
  }
  static std::string type_text(const Field& field) {
    return field.code + (field.shape.empty() ? "" : shape_text(field.shape));
  }

  void write_header(std::uint64_t rows) {
    std::string type;
    std::vector<std::uint64_t> shape = {rows};
    if (chosen_.empty()) {
      for (const auto& field : fields_) {
        type += (type.empty() ? "[(" : ", (") + quoted(field.name) + ", '" + field.code + "'" +
                (field.shape.empty() ? "" : ", " + shape_text(field.shape)) + ")";
      }
      type += "]";
    } else {
      type = "'" + chosen_[0].code + "'";
      if (chosen_.size() > 1) shape.push_back(chosen_.size());
      shape.insert(shape.end(), chosen_[0].shape.begin(), chosen_[0].shape.end());
    }
    std::string header = "{'descr': " + type + ", 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
    constexpr std::size_t kPreamble = 10, kAlignment = 64;
    const std::size_t size = (kPreamble + header.size() + kAlignment) / kAlignment * kAlignment - kPreamble;
    header.resize(size - 1, ' ');
    const char preamble[kPreamble] = {
        '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<char>(size & 0xff), static_cast<char>(size >> 8)};
    buffer_.text().append(preamble, kPreamble);
    buffer_.text() += header + "\n";
  }

  void begin(std::uint64_t task, std::uint64_t i, const std::vector<jobhost_column>& inputs) {
    row_.assign(reinterpret_cast<const char*>(&task), sizeof task);
    for (std::size_t p = 0; p < inputs.size(); ++p) {
      if (parameters_[p] == 0) continue;
      const auto value = bundle::value_at(inputs[p], i);
      row_ += base::as_text(value.last(parameters_[p]));  // a text's length stands before it
    }
  }
  void end(bool ok) {
    row_ += static_cast<char>(ok);
    if (chosen_.empty()) buffer_.text() += row_;
    for (const auto& field : chosen_) buffer_.text().append(row_, field.offset, field.size);
    buffer_.pass_on_when_full();
  }

  schema::Kernel kernel_;
  Buffer buffer_;
  std::vector<Field> fields_, chosen_;           // of a plain array
  std::vector<std::size_t> parameters_, cells_;  // bytes of each; 0 for what is left out
  std::string nothing_, row_, skipped_;
};

}  // namespace

std::vector<LeftOut> left_out_of_npy(const schema::Kernel& kernel) {
  std::vector<LeftOut> columns;
  for (const auto& parameter : kernel.parameters) {
    if (size_of(parameter.type) == 0) columns.push_back({field_name(parameter), schema::cpp_name(parameter.type)});
  }
  add_left_out(kernel.result, "result", columns);
  return columns;
}

std::unique_ptr<RowWriter> make_npy_writer(const schema::Kernel& kernel, TextSink sink, const Extent& extent) {
  return std::make_unique<NpyWriter>(kernel, std::move(sink), extent);
}

}  // namespace jobhost::report
