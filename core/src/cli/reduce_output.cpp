#include "cli/reduce_output.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "host/merged_stream.hpp"
#include "report/table.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

/// The answer for one statistic as JSON text.
std::string answer(const report::ColumnReduction& column, const std::string& statistic) {
  if (statistic == "sum") return column.sum();
  if (statistic == "mean") return column.mean();
  if (statistic == "var") return column.variance();
  if (statistic == "min") return column.minimum();
  if (statistic == "max") return column.maximum();
  return Json{{"edges", column.edges()}, {"counts", column.histogram()}}.dump();
}

std::string unquoted(const std::string& json) {
  return json.starts_with('"') ? json.substr(1, json.size() - 2) : json == "null" ? "" : json;
}

std::string in_csv(const std::string& cell) {
  if (!cell.starts_with('{')) return cell;
  std::string quoted = "\"";
  for (char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

ReduceOutput::ReduceOutput(base::Env& env, const host::Job& job, const bundle::Output& output,
                           std::function<void()> before_print, Part part, bool merged)
    : env_(env),
      job_(job),
      merged_(merged),
      format_(format_of(output)),
      file_(env, output.file, job.manifest.job, part, std::move(before_print)),
      reduction_(report::parse_reduction(output.reduce)),
      results_(job.manifest.kernel) {
  if (format_ == report::Format::kNpy) {
    throw base::Error(base::ExitCode::kUsage, "a reduction is written as table, csv, jsonl or json, not as npy");
  }
}

void ReduceOutput::write(const host::Block& block, const host::Explanation* failure) {
  if (failure) {
    ++failed_;
  } else {
    results_.add(block.first, block.count, block.results);
  }
}

void ReduceOutput::fill_histogram() {
  results_.begin_histogram(reduction_.bins);
  const auto count = [this](const host::Block& block) {
    if (!block.failed) results_.count_in_histogram(block.count, block.results);
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

void ReduceOutput::finish() {
  results_.finish();
  if (reduction_.bins > 0) fill_histogram();
  std::vector<report::TableColumn> head = {{"column"}, {"count", true}, {"failed", true}};
  for (const auto& statistic : reduction_.statistics) head.push_back({statistic, statistic != "hist"});
  std::vector<std::vector<std::string>> rows;
  std::string jsonl, csv;
  for (const auto& name : head) csv += (csv.empty() ? "" : ",") + name.name;
  csv += '\n';
  for (const auto& column : results_.columns()) {
    std::vector<std::string> row = {column.name(), std::to_string(column.count()), std::to_string(failed_)};
    jsonl += jsonl.empty() ? "" : ",\n ";
    jsonl += "{\"column\": \"" + row[0] + "\", \"count\": " + row[1] + ", \"failed\": " + row[2];
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
  switch (format_) {
    case report::Format::kTable:
      file_.write(report::format_table(head, rows, 0, true) + "\n");
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
  if (output.reduce.empty()) return std::make_unique<RowOutput>(env, job, output, rows, before_print, part, merged);
  return std::make_unique<ReduceOutput>(env, job, output, before_print, part, merged);
}

}  // namespace jobhost::cli
