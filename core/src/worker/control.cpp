#include "worker/control.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#include "base/file.hpp"
#include "store/shared_memory.hpp"

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kWaitNs = 1'000'000'000;

base::Bytes encode(const Plan& plan) {
  base::Bytes bytes;
  for (const auto* text :
       {&plan.job_directory, &plan.manifest_json, &plan.manifest_sha256, &plan.worker_id, &plan.plugin}) {
    base::append_text(bytes, *text);
  }
  base::append_value<std::int32_t>(bytes, plan.doorbell_fd);
  base::append_value<std::int32_t>(bytes, plan.mailbox_fd);
  for (const auto* list : {&plan.libraries, &plan.secrets}) {
    base::append_value<std::uint64_t>(bytes, list->size());
    for (const auto& text : *list) base::append_text(bytes, text);
  }
  return bytes;
}

std::size_t plan_offset(std::uint32_t lanes) { return sizeof(Control) + (lanes + 1) * sizeof(Lane); }

}  // namespace

ControlMemory::ControlMemory(std::uint32_t lanes, int pid) {
  const std::size_t size = plan_offset(lanes);
  fd_ = store::make_shared_memory("jobhost-control", size);
  map(size);
  control_->lanes = lanes;  // all else starts as zero, which is every field's initial state
  control_->supervisor_pid = pid;
}

ControlMemory::ControlMemory(std::uint32_t lanes, const Plan& plan) : ControlMemory(lanes, ::getpid()) {
  publish(plan);
}

ControlMemory::ControlMemory(int fd) : fd_(fd) {
  std::uint32_t lanes = 0;
  if (::pread(fd, &lanes, sizeof lanes, offsetof(Control, lanes)) != sizeof lanes) {
    base::throw_file_error(-errno, "look at", "shared memory");
  }
  map(plan_offset(lanes));
}

ControlMemory::~ControlMemory() {
  ::munmap(control_, size_);
  close_descriptor();
}

void ControlMemory::close_descriptor() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void ControlMemory::map(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (memory == MAP_FAILED) base::throw_file_error(-errno, "map", "shared memory");
  control_ = static_cast<Control*>(memory);
  size_ = size;
}

void ControlMemory::make_private() const {
  // Not mapped from the descriptor again: a task may have closed it.
  void* copy = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) ::_exit(1);
  std::memcpy(copy, control_, size_);
  if (::mremap(copy, size_, size_, MREMAP_MAYMOVE | MREMAP_FIXED, control_) == MAP_FAILED) ::_exit(1);
  control_->forked.store(1);
  for (std::uint32_t i = 0; i <= control_->lanes; ++i) control_->lane[i].set_stop(1);
}

void ControlMemory::publish(const Plan& plan) {
  // Behind what is mapped: nobody knew how large it would be.
  const base::Bytes text = encode(plan);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::pwrite(fd_, text.data() + done, text.size() - done, static_cast<off_t>(size_ + done));
    if (written < 0) base::throw_file_error(-errno, "write", "shared memory");
    done += static_cast<std::size_t>(written);
  }
  store::fix_size(fd_);
  control_->plan_size = text.size();
  control_->planned.store(1, std::memory_order_release);
  store::futex_wake_all(control_->planned);
}

Plan ControlMemory::plan() const {
  while (control_->planned.load(std::memory_order_acquire) == 0) store::futex_wait(control_->planned, 0, kWaitNs);
  base::Bytes bytes(control_->plan_size);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::pread(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(size_ + done));
    if (got <= 0) base::throw_file_error(got < 0 ? -errno : -EIO, "read", "shared memory");
    done += static_cast<std::size_t>(got);
  }
  base::ByteReader reader(bytes);
  Plan plan;
  for (auto* text : {&plan.job_directory, &plan.manifest_json, &plan.manifest_sha256, &plan.worker_id, &plan.plugin}) {
    *text = reader.text();
  }
  plan.doorbell_fd = reader.value<std::int32_t>();
  plan.mailbox_fd = reader.value<std::int32_t>();
  for (auto* list : {&plan.libraries, &plan.secrets}) {
    for (auto left = reader.value<std::uint64_t>(); left > 0; --left) list->push_back(reader.text());
  }
  return plan;
}

void set_reserve(Lane& lane, const Taken& tasks) {
  // The reserve before is used up, so nobody takes from it; with the new one its place is seen.
  const std::uint64_t generation = Reserve::of(lane.reserve.load(std::memory_order_relaxed)).generation;
  lane.reserve_first.store(tasks.first, std::memory_order_relaxed);
  lane.reserve.store(Reserve{(generation + 1) & 0xffff, 0, tasks.count}.word(), std::memory_order_release);
}

store::Interval begin_tasks(Lane& lane, std::uint64_t most) {
  std::uint64_t word = lane.reserve.load(std::memory_order_relaxed);
  for (;;) {
    Reserve reserve = Reserve::of(word);
    const std::uint64_t count = std::min(most, reserve.left());
    if (count == 0) return {};
    const std::uint64_t first = lane.reserve_first.load(std::memory_order_relaxed) + reserve.next;
    reserve.next += count;
    if (lane.reserve.compare_exchange_weak(word, reserve.word(), std::memory_order_acq_rel)) {
      return {first, first + count};
    }
  }
}

std::optional<Taken> steal(Queue& queue, std::span<Lane> lanes, Lane& self, std::uint64_t chunk) {
  for (;;) {
    Lane* richest = nullptr;
    std::uint64_t word = 0, most = 0;
    for (Lane& lane : lanes) {
      const std::uint64_t seen = lane.reserve.load(std::memory_order_acquire), left = Reserve::of(seen).left();
      if (&lane == &self || left <= most) continue;
      richest = &lane;
      word = seen;
      most = left;
    }
    if (!richest) return std::nullopt;
    Reserve reserve = Reserve::of(word);
    const std::uint64_t half = (most + 1) / 2, each = std::max<std::uint64_t>(chunk, 1);
    const std::uint64_t count = std::min((half + each - 1) / each * each, most);
    const std::uint64_t first = richest->reserve_first.load(std::memory_order_relaxed) + reserve.end - count;
    const Taken tasks{richest->taken_span.load(std::memory_order_relaxed), first, count};
    note_taken(self, tasks);
    queue.steals.fetch_add(1);
    reserve.end -= count;
    if (richest->reserve.compare_exchange_strong(word, reserve.word(), std::memory_order_acq_rel)) return tasks;
    forget_taken(self);
  }
}

void close_reserve(Lane& lane) {
  const Reserve reserve = Reserve::of(lane.reserve.load());
  lane.reserve.store(Reserve{(reserve.generation + 1) & 0xffff, 0, 0}.word());
}

std::optional<Taken> cut_call(Lane& lane) {
  std::uint64_t word = lane.batch_end.load();
  Call call = Call::of(word);
  const std::uint64_t first = lane.batch_first.load() + lane.current() + 1;
  if (call.end <= first) return std::nullopt;
  const Taken behind{lane.taken_span.load(), first, call.end - first};
  call.end = first;
  // Unchanged: all that was read belongs to this call.
  if (!lane.batch_end.compare_exchange_strong(word, call.word())) return std::nullopt;
  return behind;
}

void account(Queue& queue, std::uint64_t span, std::uint64_t done, std::uint64_t failed) {
  Span& entry = queue.spans[span % kSpans];
  entry.failed.fetch_add(failed, std::memory_order_relaxed);
  entry.done.fetch_add(done, std::memory_order_release);
}

}  // namespace jobhost::worker
