#include "hdf5/hdf5_rows.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "bundle/input_reader.hpp"
#include "hdf5/hdf5_file.hpp"
#include "host/explanation.hpp"
#include "host/merged_stream.hpp"
#include "report/row_text.hpp"

namespace jobhost::hdf5 {
namespace {

using schema::Kind;

constexpr std::uint64_t kMaxDimensions = 32;  // H5S_MAX_RANK

schema::Type type_of(Kind kind, std::uint8_t width) {
  schema::Type type;
  type.kind = kind;
  type.width = width;
  return type;
}

const schema::Type kDouble = type_of(Kind::kFloating, sizeof(double)), kText = type_of(Kind::kString, 0);

bool is_number(const schema::Type& type) {
  return type.kind == Kind::kBool || type.kind == Kind::kInteger || type.kind == Kind::kEnumeration ||
         type.kind == Kind::kFloating;
}

/// A column with a value for each of some positions.
class Column {
 public:
  Column(const schema::Type& type, std::uint64_t length) : type_(type) {
    values_.kind = !is_number(type) ? Kind::kString : type.kind == Kind::kEnumeration ? Kind::kInteger : type.kind;
    values_.width = type.kind == Kind::kBool ? 1 : std::min<std::uint64_t>(type.width, sizeof(double));
    values_.is_signed = type.kind == Kind::kBool || type.is_signed;
    if (values_.kind == Kind::kString) {
      values_.texts.resize(length);
      return;
    }
    values_.numbers.resize(length * values_.width);
    if (values_.kind != Kind::kFloating) return;
    for (std::uint64_t i = 0; i < length; ++i) {
      values_.width == 4 ? put(i, std::numeric_limits<float>::quiet_NaN())
                         : put(i, std::numeric_limits<double>::quiet_NaN());
    }
  }

  void set(std::uint64_t at, base::ByteReader& reader) {
    if (values_.kind == Kind::kString) return schema::append_plain(type_, reader, values_.texts[at]);
    const auto value = reader.take(type_.kind == Kind::kBool ? 1 : type_.width);
    if (type_.kind == Kind::kFloating && type_.width > sizeof(double)) {
      long double extended = 0;
      std::memcpy(&extended, value.data(), 10);
      return put(at, static_cast<double>(extended));
    }
    std::memcpy(values_.numbers.data() + at * values_.width, value.data(), values_.width);
  }

  /// Where some positions have no value, only floating-point numbers can say so.
  void widen(const std::vector<signed char>& status) {
    if (values_.kind != Kind::kInteger && values_.kind != Kind::kBool) return;
    Column wide(kDouble, status.size());
    for (std::uint64_t i = 0; i < status.size(); ++i) {
      if (status[i] != 0) continue;
      std::int64_t value = 0;
      std::memcpy(&value, values_.numbers.data() + i * values_.width, values_.width);
      const int shift = static_cast<int>(64 - 8 * values_.width);
      wide.put(i, values_.is_signed ? static_cast<double>(value << shift >> shift)
                                    : static_cast<double>(static_cast<std::uint64_t>(value)));
    }
    values_ = std::move(wide.values_);
  }

  template <class T>
  void put(std::uint64_t at, T value) {
    std::memcpy(values_.numbers.data() + at * sizeof value, &value, sizeof value);
  }
  void put_text(std::uint64_t at, std::string text) { values_.texts[at] = std::move(text); }
  const Values& values() const { return values_; }

 private:
  schema::Type type_;
  Values values_;
};

Column numbered(std::uint64_t length) {
  Column column(type_of(Kind::kInteger, sizeof(std::uint64_t)), length);
  for (std::uint64_t i = 0; i < length; ++i) column.put(i, i);
  return column;
}

/// Column names of ours are taken.
std::string name_of(const schema::Parameter& parameter) {
  for (const char* taken : {"status", "seconds", "repeat"}) {
    if (parameter.name == taken) return "arg." + parameter.name;
  }
  return report::column_name(parameter.name);
}

class JobFile {
 public:
  JobFile(base::Env& env, const host::Job& job, const std::string& path)
      : manifest_(job.manifest),
        kernel_(schema::as_shown(job.manifest.kernel)),
        inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()),
        file_(path),
        status_(job.manifest.tasks, -1),
        seconds_(kDouble, job.manifest.tasks),
        errors_(kText, 0) {
    for (const auto& name : report::result_columns(kernel_.result)) names_.push_back(name);
    add_columns(kernel_.result);
  }

  void add(const host::Block& block) {
    const double seconds = static_cast<double>(block.nanoseconds) * 1e-9;
    for (std::uint64_t i = 0; i < block.count; ++i) {
      const std::uint64_t task = block.first + i;
      seconds_.put(task, seconds);
      status_[task] = block.failed;
      if (block.failed) {
        if (errors_.values().texts.empty()) errors_ = Column(kText, status_.size());
        const auto words = host::Explainer::in_short(block.failure);
        errors_.put_text(task, report::in_one_line({words.kind, words.type, words.what, "", words.signal}));
        continue;
      }
      base::ByteReader reader(bundle::value_at(block.results, i));
      auto column = columns_.begin();
      report::for_each_cell(kernel_.result, reader,
                            [&](const schema::Type&, base::ByteReader& value) { (column++)->set(task, value); });
    }
  }

  void write() {
    file_.describe({{"job", manifest_.job},
                    {"kernel", kernel_.name},
                    {"signature", kernel_.signature},
                    {"created", manifest_.created}});
    write_inputs();
    const bool complete = std::count(status_.begin(), status_.end(), 0) == static_cast<std::ptrdiff_t>(status_.size());
    const Attributes along = labels_.empty() ? Attributes{} : Attributes{{"coordinates", labels_}};
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (!complete) columns_[c].widen(status_);
      file_.add(names_[c], columns_[c].values(), dimensions_, along);
    }
    Values status{Kind::kInteger, 1, true, {}, {}};
    status.numbers.assign(status_.begin(), status_.end());
    file_.add("status", status, dimensions_, {{"meaning", "0: succeeded, 1: failed, -1: not computed"}});
    file_.add("seconds", seconds_.values(), dimensions_, {{"units", "s"}});
    if (!errors_.values().texts.empty()) file_.add("error", errors_.values(), dimensions_);
    file_.close();
  }

 private:
  void add_columns(const schema::Type& type) {
    if (type.kind != Kind::kRecord) return static_cast<void>(columns_.emplace_back(type, status_.size()));
    for (const auto& item : type.items) add_columns(item);
  }

  const schema::Parameter& parameter_of(const bundle::Source& source) const {
    return kernel_.parameters[source.parameter - manifest_.kernel.own];
  }

  /// Values of a parameter for `count` tasks that are `step` apart.
  Column values_of(const bundle::Source& source, std::uint64_t count, std::uint64_t step) {
    Column column(parameter_of(source).type, count);
    std::vector<jobhost_column> row;
    for (std::uint64_t i = 0; i < count;) {
      const std::uint64_t n = inputs_.read_shown(i * step, step == 1 ? std::min(count - i, kRows) : 1, row);
      for (std::uint64_t k = 0; k < n; ++k) {
        base::ByteReader reader(bundle::value_at(row[source.parameter - manifest_.kernel.own], k));
        column.set(i + k, reader);
      }
      i += n;
    }
    return column;
  }

  /// Axes with more than one position are dimensions; their first parameter's values are the labels, but where the axis
  /// is all there is and has several parameters: those are rows, which have numbers. Further ones go along.
  void write_inputs() {
    const auto& axes = manifest_.inputs.axes;
    const auto many = std::count_if(axes.begin(), axes.end(), [](const auto& axis) { return axis.length != 1; });
    if (static_cast<std::uint64_t>(many) > kMaxDimensions) {
      throw base::Error(base::ExitCode::kUsage, "an HDF5 file has at most 32 dimensions, and this grid has more",
                        "write .csv, .jsonl or .npy instead");
    }
    std::vector<std::pair<std::string, Column>> later;  // values along a dimension, by its name
    std::vector<std::string> names;
    std::uint64_t step = status_.size();
    std::vector<const bundle::Source*> by_task;
    for (const auto& axis : axes) {
      if (axis.length > 0) step /= axis.length;
      std::vector<const bundle::Source*> sources;
      for (const auto& source : axis.sources) {
        if (source.parameter < manifest_.kernel.own) continue;
        if (source.common && !schema::is_scalar(parameter_of(source).type)) continue;  // in no row
        const bool seeds = std::holds_alternative<bundle::Seeds>(source.values);
        (seeds ? by_task : sources).push_back(&source);
      }
      std::string dimension;
      if (axis.length != 1) {
        const bool rows = sources.size() > 1 && many == 1;
        dimension = rows ? "task" : sources.empty() ? "repeat" : name_of(parameter_of(*sources[0]));
        dimensions_.push_back(dimension);
        file_.add_dimension(
            dimension,
            (rows || sources.empty() ? numbered(axis.length) : values_of(*sources[0], axis.length, step)).values());
        if (!rows && !sources.empty()) sources.erase(sources.begin());
      }
      for (const auto* source : sources) {
        later.emplace_back(dimension, values_of(*source, axis.length, step));
        names.push_back(name_of(parameter_of(*source)));
      }
    }
    for (std::size_t i = 0; i < later.size(); ++i) {
      const auto& [dimension, column] = later[i];
      file_.add(names[i], column.values(), dimension.empty() ? std::vector<std::string>{} : std::vector{dimension});
    }
    for (const auto* source : by_task) {
      names.push_back(name_of(parameter_of(*source)));
      file_.add(names.back(), values_of(*source, status_.size(), 1).values(), dimensions_);
    }
    for (const auto& name : names) labels_ += (labels_.empty() ? "" : " ") + name;
  }

  static constexpr std::uint64_t kRows = 8192;
  const bundle::Manifest& manifest_;
  schema::Kernel kernel_;
  bundle::InputReader inputs_;
  Hdf5File file_;
  std::vector<signed char> status_;
  std::vector<Column> columns_;
  std::vector<std::string> names_, dimensions_;
  std::string labels_;  // names of inputs that are no dimensions
  Column seconds_, errors_;
};

}  // namespace

void write_job(base::Env& env, const host::Job& job, bool merged, const std::string& path) {
  JobFile file(env, job, path);
  if (merged) {
    host::MergedStream stream(env, job);
    while (const host::Block* block = stream.next()) file.add(*block);
  } else {
    host::ResultStream stream(env, job);
    stream.read_all();
    while (const host::Block* block = stream.next_available()) file.add(*block);
  }
  file.write();
}

}  // namespace jobhost::hdf5
