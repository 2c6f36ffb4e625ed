#include "cli/reduce_output.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/suggest.hpp"
#include "cli/hdf5_output.hpp"
#include "host/merged_stream.hpp"
#include "report/row_text.hpp"
#include "report/table.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

/// The answer for one statistic as JSON text.
std::string answer(const report::ColumnReduction& column, const std::string& statistic) {
  if (statistic == "sum") return column.sum();
  if (statistic == "mean") return column.mean();
  if (statistic == "var") return column.variance();
  if (statistic == "std") return column.deviation();
  if (statistic == "sem") return column.standard_error();
  if (statistic == "min") return column.minimum();
  if (statistic == "max") return column.maximum();
  return Json{{"edges", column.edges()}, {"counts", column.histogram()}}.dump();
}

std::string unquoted(const std::string& json) {
  return json.starts_with('"') ? json.substr(1, json.size() - 2) : json == "null" ? "" : json;
}

std::string in_csv(const std::string& cell) {
  if (cell.find_first_of(",\"\n\r") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// "alpha,beta": positions of those parameters.
std::vector<std::size_t> parameters_named(const std::string& list, const schema::Kernel& kernel) {
  std::vector<std::size_t> found;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string name = list.substr(begin, end - begin);
    std::vector<std::string> names;
    for (const auto& parameter : kernel.parameters) names.push_back(report::column_name(parameter.name));
    const auto place = std::find(names.begin(), names.end(), name);
    if (place == names.end()) {
      const auto near = base::nearest(name, names);
      throw base::Error(base::ExitCode::kUsage, "--by: '" + kernel.name + "' has no parameter '" + name + "'",
                        (near ? "did you mean '" + *near + "'?\n" : "") + kernel.signature);
    }
    const auto position = static_cast<std::size_t>(place - names.begin());
    if (std::find(found.begin(), found.end(), position) != found.end()) {
      throw base::Error(base::ExitCode::kUsage, "--by names '" + name + "' twice");
    }
    found.push_back(position);
    begin = end + 1;
  }
  return found;
}

/// The column from value `skip` on.
jobhost_column from(jobhost_column column, std::uint64_t skip) {
  if (column.offsets) {
    column.offsets += skip;
  } else if (column.data) {
    column.data += skip * column.stride;
  }
  return column;
}

}  // namespace

ReduceOutput::ReduceOutput(base::Env& env, const host::Job& job, const bundle::Output& output,
                           std::function<void()> before_print, Part part, bool merged)
    : env_(env),
      job_(job),
      part_(part),
      merged_(merged),
      format_(format_of(output)),
      file_(env, output.file, job.manifest.job, part, std::move(before_print)),
      reduction_(report::parse_reduction(output.reduce)),
      kernel_(schema::as_shown(job.manifest.kernel)),
      by_(parameters_named(output.by, kernel_)),
      inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()) {
  report::ResultReduction refused_where_there_are_no_numbers(kernel_);
  if (by_.empty()) group("");
  if (format_ == report::Format::kNpy || format_ == report::Format::kHdf5 || format_ == report::Format::kGnuplot) {
    throw base::Error(base::ExitCode::kUsage, "a reduction is written as table, csv, jsonl or json only");
  }
}

ReduceOutput::Group& ReduceOutput::group(const std::string& key) {
  Group*& found = known_[key];
  if (!found) found = groups_.emplace_back(std::make_unique<Group>(Group{key, report::ResultReduction(kernel_)})).get();
  return *found;
}

/// Calls `use(group, first, n, results)` for tasks of one group that stand side by side.
template <class Use>
void ReduceOutput::each_run(const host::Block& block, const Use& use) {
  if (by_.empty()) return use(*groups_[0], block.first, block.count, block.results);
  constexpr std::uint64_t kRows = 8192;
  std::string key, next;
  for (std::uint64_t done = 0; done < block.count;) {
    const std::uint64_t n = inputs_.read_shown(block.first + done, std::min(kRows, block.count - done), columns_);
    const auto key_at = [&](std::uint64_t i, std::string& text) {
      text.clear();
      for (const std::size_t p : by_) text += base::as_text(bundle::value_at(columns_[p], i));
    };
    key_at(0, key);
    for (std::uint64_t begin = 0, end = 1; begin < n; begin = end++) {
      while (end < n && (key_at(end, next), next == key)) ++end;
      use(group(key), block.first + done + begin, end - begin, from(block.results, done + begin));
      key.swap(next);
    }
    done += n;
  }
}

void ReduceOutput::write(const host::Block& block, const host::Explanation* failure) {
  each_run(block, [&](Group& group, std::uint64_t first, std::uint64_t n, const jobhost_column& results) {
    if (failure) {
      group.failed += n;
    } else {
      group.results.add(first, n, results);
    }
  });
}

void ReduceOutput::fill_histogram() {
  for (const auto& group : groups_) group->results.begin_histogram(reduction_.bins);
  const auto count = [this](const host::Block& block) {
    if (part_ == Part::kOfReader) throw_if_interrupted();
    if (block.failed) return;
    each_run(block, [](Group& group, std::uint64_t, std::uint64_t n, const jobhost_column& results) {
      group.results.count_in_histogram(n, results);
    });
  };
  if (merged_) {
    host::MergedStream again(env_, job_);
    while (const host::Block* block = again.next()) count(*block);
    return;
  }
  host::ResultStream again(env_, job_);
  again.read_all();
  while (const host::Block* block = again.next_available()) count(*block);
}

/// The values that the group's tasks have in common.
std::vector<std::string> ReduceOutput::labels(const Group& group, bool json) const {
  std::vector<std::string> values;
  base::ByteReader reader(base::as_bytes(group.key));
  for (const std::size_t p : by_) {
    const schema::Type& type = kernel_.parameters[p].type;
    json ? schema::append_json(type, reader, values.emplace_back())
         : schema::append_plain(type, reader, values.emplace_back());
  }
  return values;
}

void ReduceOutput::finish() {
  for (const auto& group : groups_) group->results.finish();
  if (reduction_.bins > 0) fill_histogram();
  std::vector<report::TableColumn> head;
  for (const std::size_t p : by_) head.push_back({report::column_name(kernel_.parameters[p].name), true});
  head.insert(head.end(), {{"column"}, {"count", true}, {"failed", true}});
  for (const auto& statistic : reduction_.statistics) head.push_back({statistic, statistic != "hist"});
  std::vector<std::vector<std::string>> rows;
  std::string jsonl, csv;
  for (const auto& name : head) csv += (csv.empty() ? "" : ",") + name.name;
  csv += '\n';
  for (const auto& group : groups_) {
    const auto in_json = labels(*group, true), plain = labels(*group, false);
    for (const auto& column : group->results.columns()) {
      std::vector<std::string> row = plain;
      jsonl += jsonl.empty() ? "{" : ",\n {";
      for (std::size_t i = 0; i < by_.size(); ++i) {
        schema::append_json_string(head[i].name, jsonl);
        jsonl += ": " + in_json[i] + ", ";
      }
      row.insert(row.end(), {column.name(), std::to_string(column.count()), std::to_string(group->failed)});
      jsonl += "\"column\": \"" + column.name() + "\", \"count\": " + std::to_string(column.count()) +
               ", \"failed\": " + std::to_string(group->failed);
      for (const auto& statistic : reduction_.statistics) {
        const std::string json = answer(column, statistic);
        jsonl += ", \"" + statistic + "\": " + json;
        row.push_back(unquoted(json));
      }
      jsonl += "}";
      for (std::size_t i = 0; i < row.size(); ++i) csv += (i > 0 ? "," : "") + in_csv(row[i]);
      csv += '\n';
      rows.push_back(std::move(row));
    }
  }
  switch (format_) {
    case report::Format::kTable:
      file_.write(report::format_table(head, rows, 0, true));
      break;
    case report::Format::kCsv:
      file_.write(csv);
      break;
    case report::Format::kJson:
      file_.write("[\n " + jsonl + "\n]\n");
      break;
    case report::Format::kDocument:
      file_.write("{\"schema\": \"jobhost/1\", \"columns\": [\n " + jsonl + "\n]}\n");
      break;
    default:
      for (std::size_t at; (at = jsonl.find("},\n {")) != std::string::npos;) jsonl.replace(at, 5, "}\n{");
      file_.write(jsonl + "\n");
  }
  file_.finish();
}

std::unique_ptr<BlockOutput> make_output(base::Env& env, const host::Job& job, const bundle::Output& output,
                                         std::uint64_t rows, const std::function<void()>& before_print, Part part,
                                         bool merged) {
  if (output.reduce.empty() && format_of(output) == report::Format::kHdf5) {
    return std::make_unique<Hdf5Output>(env, job, output, part, merged);
  }
  if (output.reduce.empty()) return std::make_unique<RowOutput>(env, job, output, rows, before_print, part, merged);
  return std::make_unique<ReduceOutput>(env, job, output, before_print, part, merged);
}

}  // namespace jobhost::cli
