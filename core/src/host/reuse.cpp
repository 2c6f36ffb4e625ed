#include "host/reuse.hpp"

#include <algorithm>

#include "base/beneath.hpp"
#include "host/result_stream.hpp"
#include "host/task_keys.hpp"
#include "store/log_writer.hpp"
#include "store/notes.hpp"
#include "store/party.hpp"

namespace jobhost::host {
namespace {

constexpr std::uint64_t kMostTasks = 100'000'000;  // 50 bytes of memory each
constexpr std::uint64_t kHeldBytes = 64 << 20;     // of results before they are written
constexpr std::uint64_t kFrameTasks = 65'536, kFrameBytes = 4 << 20;

/// Results in any order into the host's own log, where they stand in the order of their tasks as far as memory allows.
class ResultLog {
 public:
  ResultLog(base::Env& env, const Job& job)
      : env_(env),
        job_(job),
        party_(env, job.directory, store::make_identity(env, "host")),
        varies_(!schema::fixed_size(job.manifest.kernel.result).has_value()) {}

  void add(std::uint64_t task, base::ByteView result, std::uint64_t nanoseconds) {
    held_.push_back({task, bytes_.size(), result.size(), nanoseconds});
    bytes_.insert(bytes_.end(), result.begin(), result.end());
    if (bytes_.size() + held_.size() * sizeof(Held) >= kHeldBytes) write();
  }

  void finish() {
    write();
    party_.leave();
  }
  bool failed() const { return failed_; }

 private:
  struct Held {
    std::uint64_t task, offset, size, nanoseconds;
  };

  store::LogWriter& log() {
    if (!log_) {
      const std::string& id = party_.self().id;
      const std::string folder = job_.directory.logs() + "/" + id.substr(0, 2);
      base::make_directories_beneath(env_, job_.directory.path(), folder);
      log_.emplace(env_, folder + "/" + id + ".0.0", store::binary_id(id), 0, store::binary_id(job_.manifest_sha256),
                   job_.manifest.sync == base::SyncPolicy::kStrict);
    }
    return *log_;
  }

  void write() {
    failed_ = true;  // until it went well
    write_held();
    failed_ = false;
  }

  void write_held() {
    const auto by_task = [](const Held& a, const Held& b) { return a.task < b.task; };
    if (!std::is_sorted(held_.begin(), held_.end(), by_task)) std::sort(held_.begin(), held_.end(), by_task);
    for (std::size_t begin = 0; begin < held_.size();) {
      std::size_t end = begin;
      std::uint64_t size = 0;
      while (end < held_.size() && held_[end].task == held_[begin].task + (end - begin) && end - begin < kFrameTasks &&
             (end == begin || size + held_[end].size <= kFrameBytes)) {
        size += held_[end++].size;
      }
      write_frame(begin, end);
      begin = end;
    }
    if (!held_.empty()) log().flush();
    held_.clear();
    bytes_.clear();
  }

  void write_frame(std::size_t begin, std::size_t end) {
    offsets_.assign(1, 0);
    values_.clear();
    std::uint64_t nanoseconds = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const auto* value = bytes_.data() + held_[i].offset;
      values_.insert(values_.end(), value, value + held_[i].size);
      offsets_.push_back(values_.size());
      nanoseconds += held_[i].nanoseconds;
    }
    const store::FrameInfo info{
        store::FrameKind::kResults, held_[begin].task, end - begin, nanoseconds, 1, env_.wall_ns()};
    const base::ByteView offsets(reinterpret_cast<const unsigned char*>(offsets_.data()), 8 * offsets_.size());
    log().add(info, {varies_ ? offsets : base::ByteView(), values_});
  }

  base::Env& env_;
  const Job& job_;
  store::Party party_;
  bool varies_, failed_ = false;
  std::optional<store::LogWriter> log_;
  std::vector<Held> held_;
  base::Bytes bytes_, values_;
  std::vector<std::uint64_t> offsets_;
};

std::vector<TaskKey> keys_of(base::Env& env, const Job& job) {
  std::vector<TaskKey> keys(job.manifest.tasks);
  TaskKeys(env, job).for_each(0, keys.size(), [&](std::uint64_t task, const TaskKey& key) { keys[task] = key; });
  return keys;
}

class Reuser {
 public:
  Reuser(base::Env& env, const Job& job)
      : env_(env), table_(keys_of(env, job)), taken_(job.manifest.tasks), log_(env, job) {}

  /// Takes what is of use of an earlier job, and says what of it is damaged and was passed over; "" when nothing is.
  std::string take(const Job& earlier) {
    ResultStream stream(env_, earlier);
    TaskKeys keys(env_, earlier);
    stream.read_all();
    while (const Block* block = count_ < taken_.size() ? stream.next_available() : nullptr) {
      if (block->failed) continue;
      keys.for_each(block->first, block->count, [&](std::uint64_t there, const TaskKey& key) {
        table_.find(key, [&](std::uint64_t task) {
          if (taken_[task]) return;
          taken_[task] = true;
          ++count_;
          log_.add(task, bundle::value_at(block->results, there - block->first), block->nanoseconds);
        });
      });
    }
    const auto damage = stream.damage();
    return damage.empty() ? "" : damage[0];
  }

  void finish() { log_.finish(); }
  std::uint64_t count() const { return count_; }
  /// What was thrown was about writing.
  bool log_failed() const { return log_.failed(); }
  bool all() const { return count_ == taken_.size(); }

 private:
  base::Env& env_;
  TaskTable table_;
  std::vector<bool> taken_;
  ResultLog log_;
  std::uint64_t count_ = 0;
};

std::string in_one_sentence(const std::vector<std::string>& clauses) {
  std::string text;
  for (std::size_t i = 0; i < clauses.size(); ++i)
    text += (i == 0 ? "" : i + 1 < clauses.size() ? ", " : ", and ") + clauses[i];
  return text;
}

/// The contents of files that were recorded belong to the arguments.
std::string with_files(const bundle::Manifest& manifest, const std::string& text) {
  return manifest.provenance.files.empty() ? text : text + " and contents of files";
}

}  // namespace

Reuse reuse_results(base::Env& env, store::Store& store, const Job& job) {
  if (job.manifest.tasks > kMostTasks) {
    throw base::Error(base::ExitCode::kUsage, "--reuse compares at most " + std::to_string(kMostTasks) +
                                                  " tasks, and this job has " + std::to_string(job.manifest.tasks));
  }
  Reuse reuse;
  std::uint64_t before = 0;
  std::optional<Reuser> reuser;
  std::optional<std::vector<std::string>> nearest;
  auto ids = store.jobs();
  std::reverse(ids.begin(), ids.end());
  for (const auto& id : ids) {
    if (id == job.manifest.job || (reuser && reuser->all())) continue;
    bool own = false;  // it is the new job that something is wrong with
    try {
      const Job earlier = open_job(env, store::JobDirectory(store.path() + "/" + id));
      if (earlier.manifest.open || earlier.manifest.kernel.name != job.manifest.kernel.name) continue;
      auto found = differences(earlier.manifest, job.manifest);
      const bool same = found.empty();
      if (!nearest || found.size() < nearest->size()) nearest = std::move(found);
      if (!same) continue;
      own = true;
      if (!reuser) reuser.emplace(env, job);
      own = false;
      const std::string damage = reuser->take(earlier);
      if (!damage.empty())
        reuse.left_out.push_back("job " + id + " is damaged, and used as far as it is not: " + damage);
    } catch (const base::Error& error) {
      if (own || (reuser && reuser->log_failed())) throw;
      reuse.left_out.push_back("job " + id + " is not used any further: " + error.what());
    }
    if (reuser && reuser->count() > before) {
      ++reuse.jobs;
      if (!store::read_notes(env, store::JobDirectory(store.path() + "/" + id)).empty()) reuse.doubtful.push_back(id);
    }
    if (reuser) before = reuser->count();
  }
  if (reuser) reuser->finish();
  reuse.tasks = before;
  if (reuse.tasks > 0) return reuse;
  reuse.why_nothing =
      !nearest ? "no earlier job in the store ran this kernel"
      : nearest->empty()
          ? with_files(job.manifest, "no job with the same code and context has results for any of these arguments")
          : in_one_sentence(*nearest);
  return reuse;
}

}  // namespace jobhost::host
