#include "worker/control.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <new>

#include "base/file.hpp"

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
  base::append_value<std::uint64_t>(bytes, plan.libraries.size());
  for (const auto& library : plan.libraries) base::append_text(bytes, library);
  return bytes;
}

std::size_t plan_offset(std::uint32_t lanes) { return sizeof(Control) + (lanes + 1) * sizeof(Lane); }

}  // namespace

ControlMemory::ControlMemory(std::uint32_t lanes, int pid) {
  fd_ = ::memfd_create("jobhost-control", MFD_CLOEXEC);
  if (fd_ < 0) base::throw_file_error(-errno, "make", "shared memory");
  const std::size_t size = plan_offset(lanes);
  if (::ftruncate(fd_, static_cast<off_t>(size)) < 0) base::throw_file_error(-errno, "size", "shared memory");
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
  ::close(fd_);
}

void ControlMemory::map(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (memory == MAP_FAILED) base::throw_file_error(-errno, "map", "shared memory");
  control_ = static_cast<Control*>(memory);
  size_ = size;
}

void ControlMemory::publish(const Plan& plan) {
  // Behind what is mapped: nobody knew how large it would be.
  const base::Bytes text = encode(plan);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::pwrite(fd_, text.data() + done, text.size() - done, static_cast<off_t>(size_ + done));
    if (written < 0) base::throw_file_error(-errno, "write", "shared memory");
    done += static_cast<std::size_t>(written);
  }
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
  for (auto left = reader.value<std::uint64_t>(); left > 0; --left) plan.libraries.push_back(reader.text());
  return plan;
}

void account(Queue& queue, std::uint64_t span, std::uint64_t done, std::uint64_t failed) {
  Span& entry = queue.spans[span % kSpans];
  entry.failed.fetch_add(failed, std::memory_order_relaxed);
  entry.done.fetch_add(done, std::memory_order_release);
}

}  // namespace jobhost::worker
