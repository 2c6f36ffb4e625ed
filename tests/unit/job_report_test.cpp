#include "report/job_report.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "base/file.hpp"
#include "store/log_writer.hpp"
#include "store/party.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000, kBegin = 1'700'000'000 * kSecond;

schema::Type number(schema::Kind kind) {
  schema::Type type;
  type.kind = kind;
  type.width = 8;
  type.is_signed = true;
  return type;
}

/// A job of double f(double x, std::int64_t y) over a grid, whose logs are written by hand.
struct WrittenJob {
  const test::TemporaryDirectory folder;
  base::PosixEnv env;
  host::Job job{store::JobDirectory(folder / "job"), std::string(64, 'a'), {}};

  WrittenJob(std::uint64_t xs, std::uint64_t ys) {
    auto& manifest = job.manifest;
    manifest.workers = 2;
    manifest.tasks = xs * ys;
    manifest.kernel.result = number(schema::Kind::kFloating);
    manifest.kernel.parameters = {{"x", number(schema::Kind::kFloating)}, {"y", number(schema::Kind::kInteger)}};
    manifest.inputs.axes = {{xs, {{0, bundle::Linspace{0, 1, xs}}}}, {ys, {{1, bundle::IntegerRange{100, 1}}}}};
  }

  /// Tasks [first, first + count) in batches, one after another on a lane of their own; the result is the task's
  /// number.
  void write(char worker, std::uint64_t first, std::uint64_t count, std::uint64_t batch, std::uint64_t ns_each) {
    const std::string id(32, worker), logs = job.directory.logs() + "/" + id.substr(0, 2);
    base::make_directories(env, logs);
    store::LogWriter log(env, logs + "/" + id + ".0.0", store::binary_id(id), 0, store::binary_id(job.manifest_sha256));
    std::uint64_t now = kBegin;
    for (std::uint64_t at = first; at < first + count; at += batch) {
      const std::uint64_t n = std::min(batch, first + count - at);
      std::vector<double> values(n);
      std::iota(values.begin(), values.end(), static_cast<double>(at));
      log.append({store::FrameKind::kResults, at, n, n * ns_each, 1, now},
                 {{reinterpret_cast<const unsigned char*>(values.data()), 8 * n}});
      now += n * ns_each;
    }
  }

  std::unique_ptr<report::JobReport> report() {
    host::ResultStream stream(env, job);
    stream.read_all();
    return report::make_report(env, job, stream, {}, false);
  }
};

}  // namespace

TEST_CASE("a report of a grid has every task in its map, its timeline, its durations and its statistics") {
  WrittenJob written(30, 20);
  written.write('a', 0, 400, 1, kSecond / 100);
  written.write('b', 400, 200, 1, kSecond / 100);
  const auto report = written.report();

  REQUIRE(report->maps.maps().size() == 1);
  const auto& map = report->maps.maps()[0];
  CHECK(report->maps.axes()[map.x].name == "x");
  CHECK(report->maps.axes()[map.y].values.front() == "100");
  CHECK(report->maps.axes()[map.y].values.size() == 20);
  for (std::size_t x = 0; x < 30; ++x) {
    for (std::size_t y = 0; y < 20; ++y) REQUIRE(map.columns[0].mean[y * 30 + x] == static_cast<double>(x * 20 + y));
  }
  CHECK(map.columns[1].mean[0] == Approx(0.01));

  const auto& timeline = report->timeline;
  CHECK(timeline.seconds() == Approx(4));
  CHECK(timeline.busy_seconds() == Approx(6));
  CHECK(timeline.segments().size() == 600);
  REQUIRE(timeline.lanes().size() == 2);
  CHECK(timeline.lanes()[1].tasks == 200);
  const auto running = timeline.running();
  CHECK(running[10] == Approx(2));
  CHECK(running[290] == Approx(1));
  CHECK(timeline.rate()[10] == Approx(200));
  const auto busy = std::accumulate(running.begin(), running.end(), 0.0) * timeline.slot_seconds();
  CHECK(busy == Approx(6));
  CHECK(report->figures.tail_seconds == Approx(2));
  CHECK(report->figures.last_task == 399);
  CHECK(report->figures.efficiency() == Approx(0.75));

  CHECK(report->durations.count() == 600);
  CHECK(report->durations.quantile(0.5) == Approx(0.01).epsilon(0.02));
  REQUIRE(report->statistics);
  CHECK(report->statistics->columns()[0].mean() == "299.5");
  CHECK(report->sample.tasks().size() == 600);
  const auto& task = report->sample.tasks().at(21);
  CHECK(task.inputs[1] == "101");
  CHECK(task.results == std::vector<std::string>{"21"});
}

TEST_CASE("of many tasks a report keeps bounded parts, drawn evenly and the same each time") {
  WrittenJob written(1000, 300);
  written.write('a', 0, 200'000, 50, 2000);
  written.write('b', 200'000, 100'000, 50, 3000);
  const auto report = written.report(), again = written.report();
  const auto& tasks = report->sample.tasks();
  CHECK(tasks.size() >= 10'000);
  CHECK(tasks.size() <= 10'100);
  std::vector<int> tenths(10), columns(10);
  for (const auto& [task, row] : tasks) {
    REQUIRE(std::stod(row.results[0]) == static_cast<double>(task));
    ++tenths[task / 30'000];
    ++columns[task % 300 / 30];
  }
  for (const int count : tenths) CHECK(count == Approx(1000).margin(110));
  for (const int count : columns) CHECK(count == Approx(1000).margin(150));  // a fixed distance would take some only
  for (const auto& [task, row] : again->sample.tasks()) REQUIRE(tasks.contains(task));

  CHECK(report->timeline.segments().empty());
  const auto& map = report->maps.maps().at(0);
  CHECK(map.succeeded.size() <= report::GridMaps::kSide * report::GridMaps::kSide);
  CHECK(std::accumulate(map.succeeded.begin(), map.succeeded.end(), std::uint64_t{0}) == 300'000);
  CHECK(report->durations.together() == 300'000);
}

TEST_CASE("of a job that has begun, a report knows what is there") {
  WrittenJob written(30, 20);
  written.write('a', 100, 50, 10, 1000);
  const auto report = written.report();
  CHECK(report->figures.done == 50);
  CHECK(report->sample.tasks().size() == 50);
  CHECK(report->sample.tasks().begin()->first == 100);
  const auto& map = report->maps.maps().at(0);
  CHECK(std::accumulate(map.succeeded.begin(), map.succeeded.end(), std::uint64_t{0}) == 50);
  WrittenJob nothing(30, 20);
  CHECK(nothing.report()->figures.done == 0);
}
