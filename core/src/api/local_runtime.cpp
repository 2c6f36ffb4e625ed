#include <stdlib.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "api/failure.hpp"
#include "api/local_pool.hpp"
#include "api/program.hpp"
#include "api/value.hpp"
#include "backend/backend.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "bundle/pack.hpp"
#include "host/explanation.hpp"
#include "host/result_stream.hpp"
#include "host/worker_watch.hpp"
#include "host/workers.hpp"
#include "jobhost/detail/runtime.hpp"
#include "schema/value.hpp"

// The host side of the C++ API: jobs of a program whose module is a plugin.
namespace jobhost::api {
namespace {

constexpr std::uint64_t kWakeNs = 50'000'000;

class ByteForwarder : public detail::ByteSink {
 public:
  explicit ByteForwarder(const std::function<void(base::ByteView)>& put) : put_(put) {}
  void bytes(const void* from, std::uint64_t size) override { put_({static_cast<const unsigned char*>(from), size}); }

 private:
  const std::function<void(base::ByteView)>& put_;
};

void write_only_value(bundle::PackWriter& writer, const detail::Value& value) {
  writer.only_value(size_of(value), [&](const auto& put) {
    ByteForwarder forwarder(put);
    write_to(forwarder, value);
  });
}

/// All of the feed as one axis of stored rows; what is the same for all tasks as constants, or as a row of a pack of
/// its own when it is large.
bundle::Inputs make_inputs(base::Env& env, detail::Call& call, detail::Feed& feed, const schema::Kernel& kernel,
                           const std::string& directory) {
  constexpr std::size_t kInManifest = 4096;  // bytes
  bundle::Inputs inputs;
  std::vector<schema::Type> types;
  bundle::Axis axis;
  for (std::uint32_t p = 0; p < call.columns.size(); ++p) {
    const auto& column = call.columns[p];
    if (column.from == detail::Column::From::kTask) {
      axis.sources.push_back({p, bundle::IntegerRange{call.first_task, 1}});
    } else if (column.from == detail::Column::From::kRange) {
      axis.sources.push_back({p, bundle::IntegerRange{column.start + call.first_task, 1}});
    } else if (column.from == detail::Column::From::kFeed) {
      axis.sources.push_back({p, bundle::Stored{0, static_cast<std::uint32_t>(types.size())}});
      types.push_back(kernel.parameters[p].type);
    }
  }
  // With types there are rows; without, the feed only counts tasks.
  std::vector<std::string> values(types.size());
  std::uint64_t rows = 0;
  if (types.empty()) {
    while (feed.next(values)) ++rows;
  } else {
    bundle::PackWriter writer(env, directory, bundle::pack_name(inputs.packs.size()), types);
    for (; feed.next(values); ++rows) {
      for (std::uint32_t c = 0; c < types.size(); ++c) writer.append(c, base::as_bytes(values[c]));
      writer.end_row();
    }
    inputs.packs.push_back(writer.finish());
  }
  axis.length = rows;
  for (std::uint32_t p = 0; p < call.columns.size(); ++p) {
    auto& column = call.columns[p];
    if (column.from != detail::Column::From::kValue && column.from != detail::Column::From::kGlobals) continue;
    detail::Value& value = column.value;
    if (!value.write && value.bytes.size() <= kInManifest) {
      const auto bytes = base::as_bytes(value.bytes);
      inputs.axes.push_back({1, {{p, bundle::Constant{{bytes.begin(), bytes.end()}}}}});
      continue;
    }
    const auto number = static_cast<std::uint32_t>(inputs.packs.size());
    bundle::PackWriter writer(env, directory, bundle::pack_name(number), {kernel.parameters[p].type});
    write_only_value(writer, value);
    if (call.once) value = {};
    inputs.packs.push_back(writer.finish());
    inputs.axes.push_back({1, {{p, bundle::Stored{number, 0}, true}}});
  }
  inputs.axes.push_back(std::move(axis));
  return inputs;
}

/// Those of the program, as they were captured for the call.
std::string globals_of(const detail::Call& call) {
  base::ByteReader reader(base::as_bytes(call.columns[detail::kGlobalsColumn].value.bytes));
  return std::string(reader.text());
}

class LocalJob : public detail::Job {
 public:
  LocalJob(base::Env& env, host::Job job, std::unique_ptr<host::HeadStart> workers, bool in_order,
           const Options& options)
      : env_(env),
        job_(std::move(job)),
        options_(options),
        in_order_(in_order),
        stream_(env, job_),
        code_(std::make_shared<JobCode>(job_, false)),
        watch_(env, job_),
        stop_(options.stop, [this] { cancel(); }) {
    if (job_.manifest.tasks > 0) workers_ = std::make_unique<host::Workers>(env, job_, std::move(workers));
  }

  /// Reads along what others compute.
  LocalJob(base::Env& env, host::Job job)
      : env_(env),
        job_(std::move(job)),
        in_order_(true),
        stream_(env, job_),
        code_(std::make_shared<JobCode>(job_, false)),
        watch_(env, job_),
        stop_({}, [] {}) {}

  ~LocalJob() override {
    if (!workers_) return;
    if (!stream_.finished()) workers_->stop(true);
    workers_.reset();
    pass_on_notes(env_, job_, options_);
  }

  std::uint64_t tasks() const override { return job_.manifest.tasks; }
  std::uint64_t done() override { return done_.load(); }
  void cancel() override { cancelled_.store(true); }

  bool next(detail::Block& block) override {
    return in_users_words([&] { return next_block(block); });
  }

 private:
  bool next_block(detail::Block& told) {
    bool last_look = false;
    while (!stream_.finished()) {
      // What was found before is read to its end before the logs are looked at again.
      if (const host::Block* block = in_order_ ? stream_.next() : stream_.next_available()) {
        take(*block, told);
        return true;
      }
      const std::uint32_t bell = workers_ ? workers_->bell().count() : 0;
      const bool fresh = stream_.poll();
      done_.store(stream_.done());
      if (cancelled_.load()) return false;
      const std::uint64_t pause_ns = pause_.next_ns(fresh);
      if (fresh) continue;
      look(last_look);
      if (while_waiting) while_waiting();
      if (workers_ && workers_->local()) {
        workers_->bell().wait(bell, kWakeNs);
      } else {
        env_.sleep_ns(pause_ns);
      }
    }
    return false;
  }

  void take(const host::Block& block, detail::Block& told_block) {
    told_block = {block.first, block.count, block.results, nullptr};
    if (!block.failed) return;
    if (!inputs_) inputs_.emplace(env_, job_.manifest.inputs, job_.manifest.kernel, job_.directory.path());
    inputs_->read(block.first, 1, columns_);
    if (block.modules != modules_of_) {
      modules_of_ = block.modules;
      modules_ =
          std::make_shared<const std::vector<std::string>>(block.modules ? *block.modules : std::vector<std::string>());
    }
    failure_ = told(code_, block.first, block.failure, modules_,
                    {[code = code_] { return code->kernel(); }, job_.manifest.kernel.own, columns_});
    told_block.failure = &failure_;
  }

  /// Throws when workers will bring nothing more; what they wrote last is read before that is believed.
  void look(bool& last_look) {
    if (workers_ ? workers_->running(stream_.done()) : watch_.working(stream_.done()) || watch_.may_come()) return;
    if (last_look) {
      throw base::Error(base::ExitCode::kBackendFailed,
                        "the workers ended, and " + std::to_string(stream_.done()) + " of " +
                            std::to_string(job_.manifest.tasks) + " tasks are done",
                        "jobhost resume " + job_.directory.path());
    }
    last_look = true;
  }

  base::Env& env_;
  host::Job job_;
  Options options_;
  bool in_order_;
  host::ResultStream stream_;
  std::shared_ptr<JobCode> code_;
  host::WorkerWatch watch_;
  std::unique_ptr<host::Workers> workers_;  // null: others compute
  host::PollPause pause_;
  std::atomic<bool> cancelled_{false};
  std::atomic<std::uint64_t> done_{0};
  detail::Failure failure_;
  const std::vector<std::string>* modules_of_ = nullptr;  // whose copy is:
  std::shared_ptr<const std::vector<std::string>> modules_ = std::make_shared<const std::vector<std::string>>();
  std::optional<bundle::InputReader> inputs_;  // opened when a task failed
  std::vector<jobhost_column> columns_;
  std::stop_callback<std::function<void()>> stop_;  // last: it may call at once
};

class LocalRuntime : public detail::Runtime {
 public:
  ~LocalRuntime() override {
    if (!folder_.empty()) base::remove_tree(env_, folder_);
  }

  std::unique_ptr<detail::Job> start(detail::Call& call, detail::Feed& feed, const Options& options,
                                     bool in_order) override {
    return in_users_words([&] {
      store::Store store(env_, options.store);
      host::JobSpec spec = spec_of(options, kernel_of(call), globals_of(call));
      auto workers = std::make_unique<host::HeadStart>(
          env_, jobhost_program(), backend::Choice{spec.backend, spec.backend_options}, spec.workers);
      workers->go();  // they start while the job is made
      host::Job job = make_job(store, call, feed, std::move(spec));
      return std::make_unique<LocalJob>(env_, std::move(job), std::move(workers), in_order, options);
    });
  }

  std::string submit(detail::Call& call, detail::Feed& feed, const Options& options) override {
    return in_users_words([&] {
      store::Store store(env_, options.store.empty() ? store::Store::default_path() : options.store);
      const host::Job job = make_job(store, call, feed, spec_of(options, kernel_of(call), globals_of(call)));
      backend::make_backend(env_, {job.manifest.backend, job.manifest.backend_options}, true)
          ->start({jobhost_program(), job.directory.path(), job.manifest_sha256}, job.manifest.workers);
      return job.manifest.job;
    });
  }

  std::unique_ptr<detail::Job> attach(const std::string& path, const std::string& name,
                                      const std::string& result_type) override {
    return in_users_words([&] {
      const schema::Type wanted = type_of(result_type);
      store::Store store(env_, path.empty() ? store::Store::default_path() : path);
      host::Job job = host::open_job(env_, host::find_job(env_, store, name).directory);
      if (wanted != job.manifest.kernel.result) {
        throw std::invalid_argument("the results of job " + job.manifest.job + " are of type " +
                                    schema::cpp_name(job.manifest.kernel.result) + ", not " + schema::cpp_name(wanted));
      }
      return std::make_unique<LocalJob>(env_, std::move(job));
    });
  }

  std::shared_ptr<detail::TaskPool> open_pool(const std::string& globals, const Options& options) override {
    if (!options.store.empty()) {
      throw std::invalid_argument("a pool lives in memory and is in no store: leave Options::store empty");
    }
    return in_users_words([&] { return make_local_pool(env_, folder(), globals, options); });
  }

  void refuse_addresses(const void* bytes, std::uint64_t size, const char* what) override {
    constexpr std::uint64_t kLowest = 1 << 16, kHighest = std::uint64_t{1} << 47;  // of user space on x86-64
    std::vector<std::uint64_t> suspects;
    for (std::uint64_t at = 0; at + sizeof(void*) <= size; at += sizeof(void*)) {
      std::uint64_t word;
      std::memcpy(&word, static_cast<const unsigned char*>(bytes) + at, sizeof word);
      if (word >= kLowest && word < kHighest) suspects.push_back(word);
    }
    if (suspects.empty()) return;
    std::ifstream maps("/proc/self/maps");
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (std::string line; std::getline(maps, line);) {
      unsigned long long begin = 0, end = 0;
      if (std::sscanf(line.c_str(), "%llx-%llx", &begin, &end) == 2) ranges.emplace_back(begin, end);
    }
    for (const std::uint64_t word : suspects) {
      for (const auto& [begin, end] : ranges) {
        if (word < begin || word >= end) continue;
        throw std::invalid_argument(
            std::string(what) +
            " means nothing in another process: capture the value itself ([x], not [&x]), or say "
            "jobhost::by_value(f) if it is a number that only looks like an address");
      }
    }
  }

 private:
  host::Job make_job(store::Store& store, detail::Call& call, detail::Feed& feed, host::JobSpec spec) {
    spec.inputs = [&](schema::Kernel& kernel, const std::string& directory) {
      return make_inputs(env_, call, feed, kernel, directory);
    };
    if (call.linked_globals) {
      spec.session = *static_cast<const std::vector<bundle::Global>*>(call.linked_globals.get());
      spec.live_global = nullptr;
    }
    host::Job job = host::submit(env_, store, spec);
    if (!call.once) call.linked_globals = std::make_shared<const std::vector<bundle::Global>>(job.manifest.globals);
    return job;
  }

  /// A store for jobs that live no longer than the call.
  std::string folder() {
    const std::lock_guard lock(mutex_);
    if (!folder_.empty()) return folder_;
    const char* temporary = std::getenv("TMPDIR");
    std::string pattern = std::string(temporary && *temporary ? temporary : "/tmp") + "/jobhost-program-XXXXXX";
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make a directory like '" + pattern + "'");
    return folder_ = pattern;
  }

  base::PosixEnv env_;
  std::mutex mutex_;
  std::string folder_;
};

}  // namespace
}  // namespace jobhost::api

/// For the program's stub.
extern "C" __attribute__((visibility("default"))) void* jobhost_make_runtime() {
  static jobhost::api::LocalRuntime runtime;
  return static_cast<jobhost::detail::Runtime*>(&runtime);
}
