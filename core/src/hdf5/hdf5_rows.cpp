#include "hdf5/hdf5_rows.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "bundle/input_reader.hpp"
#include "hdf5/hdf5_column.hpp"
#include "hdf5/hdf5_file.hpp"
#include "host/explanation.hpp"
#include "host/merged_stream.hpp"
#include "report/row_text.hpp"

namespace jobhost::hdf5 {
namespace {

using schema::Kind;

constexpr std::uint64_t kMaxDimensions = 32;  // H5S_MAX_RANK

schema::Type type_of(Kind kind, std::uint8_t width, bool is_signed = false) {
  schema::Type type;
  type.is_signed = is_signed;
  type.kind = kind;
  type.width = width;
  return type;
}

const schema::Type kDouble = type_of(Kind::kFloating, sizeof(double)), kText = type_of(Kind::kString, 0),
                   kStatus = type_of(Kind::kInteger, 1, true);

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

/// The types of a result's cells, as report::result_columns has their names.
void add_cells(const schema::Type& type, std::vector<schema::Type>& cells) {
  if (type.kind != Kind::kRecord) return cells.push_back(type);
  for (const auto& item : type.items) add_cells(item, cells);
}

/// What there is of the job's tasks.
template <class Use>
void each_block(host::ResultStream& stream, const Use& use) {
  while (const host::Block* block = stream.next_available()) use(*block);
}
template <class Use>
void each_block(host::MergedStream& stream, const Use& use) {
  while (const host::Block* block = stream.next()) use(*block);
}

/// Of the last block.
std::string code_of(const host::ResultStream&) { return ""; }
std::string code_of(const host::MergedStream& stream) { return host::code_of(stream.source().manifest); }

/// Calls `use(cell, type, reader)` for each cell of a result: `use` must read it.
template <class Use>
void each_cell(const schema::Type& result, const host::Block& block, std::uint64_t i, const Use& use) {
  base::ByteReader reader(bundle::value_at(block.results, i));
  std::size_t cell = 0;
  report::for_each_cell(result, reader,
                        [&](const schema::Type& type, base::ByteReader& value) { use(cell++, type, value); });
}

/// Tasks come in order, and are written a window at a time.
class JobFile {
 public:
  /// `merged`: tasks say which code they come from.
  JobFile(base::Env& env, const host::Job& job, bool merged, const std::string& path)
      : manifest_(job.manifest),
        merged_(merged),
        kernel_(schema::as_shown(job.manifest.kernel)),
        inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()),
        file_(path) {
    add_cells(kernel_.result, cells_);
    const auto& provenance = manifest_.provenance;
    file_.describe({{"job", manifest_.job},
                    {"kernel", kernel_.name},
                    {"signature", kernel_.signature},
                    {"created", manifest_.created},
                    {"jobhost", provenance.version}});
    if (!merged_) file_.describe({{"code", host::code_of(manifest_)}});
    if (!provenance.commit.empty()) {
      file_.describe({{"commit", provenance.commit + (provenance.dirty ? ", with uncommitted changes" : "")}});
    }
    write_inputs();
  }

  /// `good`: how many tasks have a result. `again()` begins the stream of results anew, for those that must be looked
  /// at before their dimensions or what stands for no result are known.
  template <class Again>
  void begin(std::uint64_t good, const Again& again) {
    const bool gaps = good < manifest_.tasks;
    std::vector<CellSurvey> surveys(cells_.begin(), cells_.end());
    if (std::any_of(surveys.begin(), surveys.end(), [gaps](const auto& survey) { return survey.must_look(gaps); })) {
      auto stream = again();
      each_block(stream, [&](const host::Block& block) {
        for (std::uint64_t i = 0; !block.failed && i < block.count; ++i) {
          each_cell(kernel_.result, block, i,
                    [&](std::size_t cell, const schema::Type&, base::ByteReader& value) { surveys[cell].add(value); });
        }
      });
    }
    const auto names = report::result_columns(kernel_.result);
    taken_.insert(names.begin(), names.end());
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      Attributes about = along_;
      if (gaps && is_whole(plain_form(cells_[c]).form))
        about.emplace_back("comment", "no result where status is not 0");
      add_series(names[c], cells_[c], surveys[c].form(good, manifest_.tasks, kMaxDimensions - dimensions_.size()),
                 about);
    }
    add_series("status", kStatus, plain_form(kStatus), {{"meaning", "0: succeeded, 1: failed, -1: not computed"}});
    add_series("seconds", kDouble, plain_form(kDouble), {{"units", "s"}});
    if (merged_) add_series("code", kText, plain_form(kText), {});
    open_window();
  }

  void add(const host::Block& block, const std::string& code) {
    const double seconds = static_cast<double>(block.nanoseconds) * 1e-9;
    for (std::uint64_t i = 0; i < block.count; ++i) {
      const std::uint64_t at = place_of(block.first + i);
      status().put(at, static_cast<signed char>(block.failed));
      series_[cells_.size() + 1].column.put(at, seconds);
      if (merged_) series_.back().column.put_text(at, code);
      if (block.failed) {
        add_failure(at, host::Explainer::in_short(block.failure));
      } else {
        each_cell(kernel_.result, block, i, [&](std::size_t cell, const schema::Type&, base::ByteReader& value) {
          series_[cell].column.set(at, value);
        });
      }
      if (size_of_texts() >= kMostText) close_window(at + 1);
    }
  }

  void finish() {
    while (window_ > 0) close_window(window_);
    file_.close();
  }

 private:
  /// A dataset over all tasks, and its values in the window.
  struct Series {
    Column column;
    std::size_t dataset;
  };

  /// The dimensions of lists are "result_i", "result_j", …, whose labels count from 0.
  void add_series(const std::string& name, const schema::Type& type, const CellForm& form, const Attributes& about) {
    std::vector<std::string> dimensions = dimensions_;
    for (std::size_t d = 0; d < form.lengths.size(); ++d) {
      std::string dimension = name + '_' + static_cast<char>('i' + d);
      while (file_.has(dimension) || taken_.count(dimension) > 0) dimension += '_';
      dimensions.push_back(dimension);
      file_.add_dimension(dimensions.back(), numbered(form.lengths[d]).values());
      largest_ = std::max(largest_, form.size());
    }
    series_.push_back({Column(type, form, 0), file_.begin(name, form.form, dimensions, about)});
  }

  Column& status() { return series_[cells_.size()].column; }
  void open_window() {
    window_ = std::min(std::max<std::uint64_t>(kWindow / largest_, 1), manifest_.tasks - begin_);
    for (auto& series : series_) series.column.clear(window_);
    for (std::uint64_t at = 0; at < window_; ++at) status().put(at, static_cast<signed char>(-1));
    failures_.reset();
  }
  /// Writes so many tasks of it; the others have nothing yet.
  void close_window(std::uint64_t tasks) {
    for (auto& [column, dataset] : series_) {
      column.cut(tasks);
      file_.write(dataset, begin_ * column.form().size(), column.values());
    }
    if (failures_) {
      failures_->cut(tasks);
      file_.write(*errors_, begin_, failures_->values());
    }
    begin_ += tasks;
    open_window();
  }
  std::uint64_t place_of(std::uint64_t task) {
    while (task >= begin_ + window_) close_window(window_);
    return task - begin_;
  }
  std::uint64_t size_of_texts() const {
    std::uint64_t size = failures_ ? failures_->size_of_texts() : 0;
    for (const auto& series : series_) size += series.column.size_of_texts();
    return size;
  }

  /// There is such a column where something failed.
  void add_failure(std::uint64_t at, const host::Explanation& words) {
    if (!errors_) errors_ = file_.begin("error", plain_form(kText).form, dimensions_);
    if (!failures_) failures_.emplace(kText, window_);
    failures_->put_text(at, report::in_one_line({words.kind, words.type, words.what, "", words.signal}));
  }

  const schema::Parameter& parameter_of(const bundle::Source& source) const {
    return kernel_.parameters[source.parameter - manifest_.kernel.own];
  }

  /// Values of a parameter for `count` tasks from `first` on that are `step` apart.
  Column values_of(const bundle::Source& source, std::uint64_t first, std::uint64_t count, std::uint64_t step) {
    Column column(parameter_of(source).type, count);
    std::vector<jobhost_column> row;
    for (std::uint64_t i = 0; i < count;) {
      const std::uint64_t n = inputs_.read_shown(first + i * step, step == 1 ? std::min(count - i, kRows) : 1, row);
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
    std::uint64_t step = manifest_.tasks;
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
            (rows || sources.empty() ? numbered(axis.length) : values_of(*sources[0], 0, axis.length, step)).values());
        if (!rows && !sources.empty()) sources.erase(sources.begin());
      }
      for (const auto* source : sources) {
        later.emplace_back(dimension, values_of(*source, 0, axis.length, step));
        names.push_back(name_of(parameter_of(*source)));
      }
    }
    for (std::size_t i = 0; i < later.size(); ++i) {
      const auto& [dimension, column] = later[i];
      file_.add(names[i], column.values(), dimension.empty() ? std::vector<std::string>{} : std::vector{dimension});
    }
    for (const auto* source : by_task) {
      names.push_back(name_of(parameter_of(*source)));
      const std::size_t dataset = file_.begin(names.back(), plain_form(parameter_of(*source).type).form, dimensions_);
      for (std::uint64_t first = 0; first < manifest_.tasks; first += kWindow) {
        file_.write(dataset, first, values_of(*source, first, std::min(kWindow, manifest_.tasks - first), 1).values());
      }
    }
    std::string labels;
    for (const auto& name : names) labels += (labels.empty() ? "" : " ") + name;
    if (!labels.empty()) along_ = {{"coordinates", labels}};
  }

  static constexpr std::uint64_t kRows = 8192, kWindow = 65536, kMostText = 16 << 20;
  const bundle::Manifest& manifest_;
  bool merged_;
  schema::Kernel kernel_;
  bundle::InputReader inputs_;
  Hdf5File file_;
  std::vector<schema::Type> cells_;                                       // of a result
  std::set<std::string> taken_ = {"status", "seconds", "code", "error"};  // by datasets that come later
  std::vector<std::string> dimensions_;
  Attributes along_;            // names of inputs that are no dimensions
  std::vector<Series> series_;  // cells, status, seconds, code
  std::uint64_t largest_ = 1;   // numbers of a task in one of them
  std::uint64_t begin_ = 0, window_ = 0;
  std::optional<Column> failures_;  // in the window
  std::optional<std::size_t> errors_;
};

/// `stream` has what is written; `again` begins anew, and may have more.
template <class Stream, class Again>
void write(JobFile& file, Stream& stream, std::uint64_t good, const Again& again) {
  file.begin(good, again);
  each_block(stream, [&](const host::Block& block) { file.add(block, code_of(stream)); });
  file.finish();
}

}  // namespace

void write_job(base::Env& env, const host::Job& job, bool merged, const std::string& path) {
  JobFile file(env, job, merged, path);
  const auto own = [&] {
    host::ResultStream stream(env, job);
    stream.read_all();
    return stream;
  };
  if (!merged) {
    host::ResultStream stream = own();
    return write(file, stream, stream.done() - stream.failed(), own);
  }
  host::MergedStream count(env, job), stream(env, job);
  std::uint64_t good = 0;
  each_block(count, [&](const host::Block& block) { good += block.failed ? 0 : block.count; });
  write(file, stream, good, [&] { return host::MergedStream(env, job); });
}

}  // namespace jobhost::hdf5
