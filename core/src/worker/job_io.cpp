#include "worker/job_io.hpp"

#include <fcntl.h>

#include "store/party.hpp"

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kIdleWaitNs = 200'000'000;
constexpr std::uint64_t kLeastRoom = 64 << 10;  // bytes for results

}  // namespace

JobIo::JobIo(base::Env& env, Control& control, Queue& queue, const bundle::Manifest& manifest, const Plan& plan,
             std::string log_path, std::uint32_t lane_number, jobhost_entry entry, store::Doorbell* doorbell,
             StackSource stacks)
    : env_(env),
      control_(control),
      queue_(queue),
      plan_(plan),
      log_path_(std::move(log_path)),
      lane_number_(lane_number),
      entry_(entry),
      doorbell_(doorbell),
      stacks_(std::move(stacks)),
      inputs_(env, manifest.inputs, manifest.kernel, plan.job_directory),
      result_size_(schema::fixed_size(manifest.kernel.result)),
      durable_(manifest.sync == base::SyncPolicy::kStrict),
      witness_(env, "/dev/null", O_RDONLY) {
  base::FileStatus status;
  if (env.status(witness_.fd(), status) >= 0) witness_inode_ = status.inode;
}

bool JobIo::intact() {
  base::FileStatus status;
  if (env_.status(witness_.fd(), status) < 0 || status.inode != witness_inode_) return false;
  const auto state = log_ ? log_->look() : store::LogWriter::State::kUntouched;
  if (state == store::LogWriter::State::kCut) control_.cut.store(1);
  return state == store::LogWriter::State::kUntouched;
}

store::LogWriter& JobIo::log() {
  if (!log_) {
    log_ = std::make_unique<store::LogWriter>(env_, log_path_, store::binary_id(plan_.worker_id), lane_number_,
                                              store::binary_id(plan_.manifest_sha256), durable_);
  }
  return *log_;
}

void JobIo::wait() {
  control_.ring();
  store::futex_wait(queue_.wake, wake_, kIdleWaitNs);
}

void JobIo::read(std::uint64_t first, std::uint64_t n, Batch& batch) {
  log();  // before a task could close descriptors
  batch.first = first;
  batch.entry = entry_;
  batch.result_size = result_size_;
  batch.count = inputs_.read(first, n, batch.columns);
  batch.started = env_.wall_ns();
}

void JobIo::make_room(Batch& batch, std::uint64_t wanted, std::uint64_t) {
  if (results_.size() < std::max(wanted, kLeastRoom)) results_.resize(std::max(wanted, kLeastRoom));
  batch.results = results_.data();
  batch.capacity = results_.size();
}

void JobIo::commit(const Batch& batch, std::uint64_t completed) {
  const std::uint64_t each = completed > 0 ? batch.nanoseconds / completed : 0;
  std::uint64_t from = 0;
  for (const auto& failed : batch.failures) {
    commit_results(batch, from, failed.index, each * (failed.index - from));
    commit_failure(batch, batch.first + failed.index, failed.failure, each);
    from = failed.index + 1;
  }
  commit_results(batch, from, completed, batch.failures.empty() ? batch.nanoseconds : each * (completed - from));
  if (completed == 0) return;
  log().flush();
  if (doorbell_) doorbell_->ring();
}

void JobIo::commit_results(const Batch& batch, std::uint64_t from, std::uint64_t to, std::uint64_t nanoseconds) {
  if (from >= to) return;
  const store::FrameInfo info{store::FrameKind::kResults, batch.first + from, to - from, nanoseconds, 1, batch.started};
  const base::ByteView results(batch.results, batch.capacity);
  if (batch.result_size) {
    const std::uint64_t size = *batch.result_size;
    log().add(info, {results.subspan(from * size, (to - from) * size)});
    return;
  }
  const std::uint64_t begin = from == 0 ? 0 : batch.ends[from - 1];
  std::vector<std::uint64_t> offsets(to - from + 1);
  for (std::uint64_t i = from; i < to; ++i) offsets[i - from + 1] = batch.ends[i] - begin;
  log().add(info, {base::ByteView(reinterpret_cast<const unsigned char*>(offsets.data()), offsets.size() * 8),
                   results.subspan(begin, batch.ends[to - 1] - begin)});
}

void JobIo::commit_failure(const Batch& batch, std::uint64_t task, const store::Failure& failure,
                           std::uint64_t nanoseconds) {
  if (!failure.stack.empty()) {
    const auto& modules = stacks_.modules();
    if (modules.size() != modules_written_) {
      base::Bytes payload;
      store::encode_modules(modules, payload);
      log().add({store::FrameKind::kModules, 0, 0, 0, 0, batch.started}, {payload});
      modules_written_ = modules.size();
    }
  }
  base::Bytes payload;
  store::encode(failure, payload);
  log().add({store::FrameKind::kFailure, task, 1, nanoseconds, 1, batch.started}, {payload});
}

}  // namespace jobhost::worker
