#include "cli/report_document.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/utc.hpp"
#include "cli/document.hpp"
#include "cli/job_document.hpp"
#include "cli/job_names.hpp"
#include "report/job_report.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kDurationBins = 60;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// As many digits as a plot needs.
double rounded(double value) {
  return value == 0 || !std::isfinite(value) ? 0 : std::stod(fmt::format("{:.5g}", value));
}

Json rounded(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(rounded(value));
  return list;
}

Json verdict(const report::JobReport& report) {
  const auto& f = report.figures;
  return {{"sentences", report.sentences},
          {"succeeded", f.done - f.failed},
          {"failed", f.failed},
          {"missing", f.tasks - f.done},
          {"wall_seconds", f.wall_seconds},
          {"task_seconds", f.task_seconds},
          {"workers", f.lanes},
          {"speed_up", f.too_short() ? Json() : Json(rounded(f.speed_up()))},
          {"efficiency", f.too_short() ? Json() : Json(rounded(f.efficiency()))},
          {"tasks_per_second", f.wall_seconds > 0 ? rounded(static_cast<double>(f.done) / f.wall_seconds) : 0}};
}

Json failures(const report::JobReport& report) {
  Json groups = Json::array();
  for (const std::size_t number : report.failures.largest_first()) {
    groups.push_back(to_json(report.failures.groups()[number]));
  }
  return {{"count", report.figures.failed}, {"groups", std::move(groups)}, {"left_out", report.failures.left_out()}};
}

Json timeline(const report::Timeline& timeline) {
  const auto since = [&](std::uint64_t ns) {
    return std::round(static_cast<double>(ns - timeline.begin_ns()) * 1e-3) * 1e-6;
  };
  Json lanes = Json::array(), segments = Json::array();
  for (const auto& lane : timeline.lanes()) {
    if (lane.busy.empty()) break;
    Json busy = Json::array();
    for (const double seconds : lane.busy) {
      const double share = timeline.slot_seconds() > 0 ? seconds / timeline.slot_seconds() : 0;
      busy.push_back(static_cast<int>(std::ceil(std::min(share, 1.0) * 100)));
    }
    lanes.push_back({{"hostname", lane.hostname},
                     {"worker", lane.worker},
                     {"name", lane.name},
                     {"tasks", lane.tasks},
                     {"failed", lane.failed},
                     {"seconds", rounded(lane.seconds)},
                     {"busy", std::move(busy)}});
  }
  for (const auto& segment : timeline.segments()) {
    if (segment.lane >= lanes.size()) continue;
    segments.push_back({segment.lane, since(segment.begin_ns), since(segment.end_ns), segment.first, segment.count,
                        segment.failed ? 1 : 0});
  }
  return {{"begin", timeline.end_ns() > 0 ? Json(base::utc(timeline.begin_ns())) : Json()},
          {"seconds", timeline.seconds()},
          {"all_lanes", timeline.lanes().size()},
          {"lanes", std::move(lanes)},
          {"segments", std::move(segments)},
          {"running", rounded(timeline.running())},
          {"tasks_per_second", rounded(timeline.rate())}};
}

Json durations(const report::Durations& durations) {
  if (durations.count() == 0) return nullptr;
  const auto histogram = durations.histogram(kDurationBins);
  Json quantiles = Json::array();
  for (const double share : {0.05, 0.25, 0.5, 0.75, 0.95, 0.99}) {
    quantiles.push_back({share, rounded(durations.quantile(share))});
  }
  return {{"minimum", rounded(durations.minimum())},    {"mean", rounded(durations.mean())},
          {"maximum", rounded(durations.maximum())},    {"quantiles", std::move(quantiles)},
          {"edges", rounded(histogram.edges)},          {"counts", histogram.counts},
          {"tasks_known_as_mean", durations.together()}};
}

Json parameters(const bundle::Manifest& manifest) {
  const auto shown = schema::as_shown(manifest.kernel);
  Json list = Json::array();
  for (const auto& parameter : shown.parameters) {
    list.push_back({{"name", parameter.name},
                    {"type", schema::cpp_name(parameter.type)},
                    {"numeric", report::number_of(parameter.type) != nullptr},
                    {"varies", false},
                    {"seed", false}});
  }
  for (const auto& axis : manifest.inputs.axes) {
    for (const auto& source : axis.sources) {
      if (source.parameter < manifest.kernel.own) continue;
      Json& parameter = list[source.parameter - manifest.kernel.own];
      const bool seed = std::holds_alternative<bundle::Seeds>(source.values);
      parameter["seed"] = seed;
      parameter["varies"] = seed || (axis.length > 1 && !std::holds_alternative<bundle::Constant>(source.values));
    }
  }
  return list;
}

/// Statistics are those that --reduce prints, over all tasks that succeeded.
Json columns(const report::JobReport& report) {
  Json list = Json::array();
  for (const auto& cell : report.cells.cells()) {
    Json column = {{"name", cell.name}, {"type", schema::cpp_name(cell.type)}, {"numeric", cell.number != nullptr}};
    if (report.statistics) {
      for (const auto& numbers : report.statistics->columns()) {
        if (numbers.name() != cell.name || numbers.count() == 0) continue;
        column["mean"] = Json::parse(numbers.mean());
        column["variance"] = Json::parse(numbers.variance());
        column["minimum"] = Json::parse(numbers.minimum());
        column["maximum"] = Json::parse(numbers.maximum());
      }
    }
    list.push_back(std::move(column));
  }
  return list;
}

template <class Range, class Append>
std::string array_of(const Range& range, const Append& append) {
  std::string text = "[";
  for (const auto& item : range) {
    if (text.size() > 1) text += ',';
    append(item, text);
  }
  return text + "]";
}

/// Columns of cells that are JSON already. Of tasks that failed, results are null.
std::string tasks_text(report::JobReport& report) {
  const auto& tasks = report.sample.tasks();
  const auto column = [&](const auto& append) { return array_of(tasks, append); };
  const auto cells = [&](std::size_t count, auto list) {
    std::string text = "[";
    for (std::size_t c = 0; c < count; ++c) {
      if (c > 0) text += ',';
      text += column([&](const auto& task, std::string& out) {
        const auto& values = list(task.second);
        out += values.empty() ? "null" : values[c];
      });
    }
    return text + "]";
  };
  Json attempts = Json::object(), failures = Json::object();
  std::vector<std::size_t> place(report.failures.groups().size());
  const auto order = report.failures.largest_first();
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  for (const auto& [number, task] : tasks) {
    if (task.attempts > 1) attempts[std::to_string(number)] = task.attempts;
    if (task.failure.empty()) continue;
    failures[std::to_string(number)] = {task.group ? Json(place[*task.group]) : Json(), task.failure};
  }
  const std::size_t inputs = tasks.empty() ? 0 : tasks.begin()->second.inputs.size();
  const bool all = tasks.size() == report.figures.done;
  return fmt::format(
      R"({{"shown":{},"of":{},"all":{},"task":{},"seconds":{},"inputs":{},"results":{},"attempts":{},"failures":{}}})",
      tasks.size(), report.figures.done, all,
      column([](const auto& task, std::string& out) { out += std::to_string(task.first); }),
      column([](const auto& task, std::string& out) { out += fmt::format("{:.4g}", task.second.seconds); }),
      cells(
          inputs, [](const auto& task) -> const auto& { return task.inputs; }),
      cells(
          report.cells.cells().size(), [](const auto& task) -> const auto& { return task.results; }),
      text_of(attempts), text_of(failures));
}

/// For each result that is a list of numbers, some tasks with numbers of it.
std::string lists_text(report::JobReport& report) {
  const auto& tasks = report.sample.tasks();
  return array_of(report.sample.lists(), [&](std::size_t cell, std::string& out) {
    out += fmt::format(R"({{"column":{},"tasks":[)", cell);
    bool first = true;
    for (const auto& [number, task] : tasks) {
      for (const auto& curve : task.curves) {
        if (curve.cell != cell) continue;
        const auto values = array_of(curve.values, [](const auto& value, std::string& text) { text += value; });
        const std::string at = curve.at.empty() ? "" : ",\"at\":" + text_of(curve.at);
        out += fmt::format(R"({}{{"task":{},"length":{}{},"values":{}}})", std::exchange(first, false) ? "" : ",",
                           number, curve.length, at, values);
      }
    }
    out += "]}";
  });
}

/// Cells are null where no task has a finite number; listed are those where tasks have succeeded all the same, and
/// those where some have failed and none succeeded.
std::string maps_text(const report::JobReport& report) {
  const auto& axes = report.maps.axes();
  const auto axis_text = [&](std::size_t number) {
    const auto& axis = axes[number];
    return fmt::format(R"({{"name":{},"numeric":{},"positions":{},"values":{}}})", text_of(axis.name), axis.numeric,
                       axis.length, array_of(axis.values, [](const auto& value, std::string& out) { out += value; }));
  };
  std::vector<std::string> names;
  for (const auto& cell : report.cells.cells()) {
    if (cell.number) names.push_back(cell.name);
  }
  names.emplace_back("seconds");
  return array_of(report.maps.maps(), [&](const auto& map, std::string& out) {
    std::string columns;
    for (std::size_t c = 0; c < names.size(); ++c) {
      const auto& column = map.columns[c];
      std::string values = "[";
      std::vector<std::size_t> cells_not_finite;
      for (std::size_t i = 0; i < column.mean.size(); ++i) {
        if (i > 0) values += ',';
        values += column.count[i] == 0 ? "null" : fmt::format("{:.6g}", column.mean[i]);
        if (column.count[i] == 0 && map.succeeded[i] > 0) cells_not_finite.push_back(i);
      }
      columns += fmt::format(R"({}{{"name":{},"values":{}],"not_finite":{{"tasks":{},"cells":{}}}}})", c > 0 ? "," : "",
                             text_of(names[c]), values, column.not_finite, text_of(cells_not_finite));
    }
    std::vector<std::size_t> only_failed;
    for (std::size_t i = 0; i < map.failed.size(); ++i) {
      if (map.failed[i] > 0 && map.succeeded[i] == 0) only_failed.push_back(i);
    }
    out += fmt::format(R"({{"x":{},"y":{},"columns":[{}],"failed":{}}})", axis_text(map.x), axis_text(map.y), columns,
                       text_of(only_failed));
  });
}

}  // namespace

std::string report_document(base::Env& env, const host::Job& job) {
  host::ResultStream stream(env, job);
  stream.read_all();
  const std::string state = state_of(env, job, stream);
  const auto nodes = host::nodes_of(env, job, stream);
  const auto damage = works(state) ? std::vector<std::string>() : stream.damage();
  Json document = {{"schema", "jobhost-report/1"},
                   {"made", base::utc(env.wall_ns())},
                   {"called", job.called},
                   {"works", works(state)},
                   {"job", job_document(env, job, state, stream, damage, false)}};
  const auto report = report::make_report(env, job, stream, nodes, works(state));
  document.update(Json{{"verdict", verdict(*report)},
                       {"failures", failures(*report)},
                       {"timeline", timeline(report->timeline)},
                       {"durations", durations(report->durations)},
                       {"parameters", parameters(job.manifest)},
                       {"columns", columns(*report)}});
  std::string text = text_of(document);
  text.pop_back();
  return text + ",\"tasks\":" + tasks_text(*report) + ",\"lists\":" + lists_text(*report) +
         ",\"maps\":" + maps_text(*report) + "}";
}

}  // namespace jobhost::cli
