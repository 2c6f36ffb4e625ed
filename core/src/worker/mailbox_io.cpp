#include "worker/mailbox_io.hpp"

#include <algorithm>
#include <cstring>

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kIdleWaitNs = 200'000'000;
constexpr std::size_t kMappedFiles = 8;

/// For tasks that nobody waits for any more.
std::uint64_t do_nothing(const jobhost_column*, std::uint64_t n, jobhost_sink*, jobhost_progress*) { return n; }

template <class T>
void count_from(std::uint64_t start, std::uint64_t n, unsigned char* out) {
  for (std::uint64_t i = 0; i < n; ++i) {
    const T value = static_cast<T>(start + i);
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
}

}  // namespace

void MailboxIo::read(std::uint64_t first, std::uint64_t n, Batch& batch) {
  slot_ = mailbox_.find(first, slot_);
  request_ = mailbox_.view(slot_);
  index_ = first - request_.first;
  n = std::min(n, request_.count - index_);
  if (!own_ && mailbox_.posted() > first + n) mailbox_.wake_another_lane();
  batch.first = first;
  batch.count = n;
  cancelled_ = mailbox_.cancelled(slot_);
  in_arena_ = request_.by_place && !cancelled_;
  if (cancelled_) {
    batch.entry = &do_nothing;
    batch.result_size = 0;
    batch.columns.clear();
    return;
  }
  ++batches_;
  jobhost_entry& entry = entries_[request_.entry];
  if (!entry) entry = program_.entry_at(request_.entry);
  batch.entry = entry;
  batch.result_size = request_.result_size == UINT64_MAX ? std::nullopt : std::optional(request_.result_size);
  batch.columns.clear();
  for (const auto& column : request_.columns) batch.columns.push_back(column_of(column, batch.columns.size(), n));
}

jobhost_column MailboxIo::column_of(const store::RequestColumn& column, std::size_t number, std::uint64_t n) {
  using Kind = store::RequestColumn::Kind;
  const std::uint64_t width = column.width;
  if (column.kind == Kind::kRange) {
    if (ranges_.size() <= number) ranges_.resize(number + 1);
    base::Bytes& values = ranges_[number];
    if (values.size() < n * width) values.resize(n * width);
    const std::uint64_t start = column.data + index_;
    if (width == 8) count_from<std::uint64_t>(start, n, values.data());
    if (width == 4) count_from<std::uint32_t>(start, n, values.data());
    if (width == 2) count_from<std::uint16_t>(start, n, values.data());
    if (width == 1) count_from<std::uint8_t>(start, n, values.data());
    return {values.data(), nullptr, width, width};
  }
  if (column.kind == Kind::kFile) return {file(column), nullptr, 0, column.size};
  const unsigned char* data = mailbox_.memory().at(column.data, column.size);
  if (column.kind == Kind::kConstant) return {data, nullptr, 0, column.size};
  if (column.kind == Kind::kFixed) return {data + index_ * width, nullptr, width, width};
  return {data + 8 * (request_.count + 1), reinterpret_cast<const std::uint64_t*>(data) + index_, 0, 0};
}

const unsigned char* MailboxIo::file(const store::RequestColumn& column) {
  for (auto& file : files_) {
    if (file.number != column.data) continue;
    file.used = batches_;
    return file.mapping.data();
  }
  if (files_.size() >= kMappedFiles) {
    const auto oldest =
        std::min_element(files_.begin(), files_.end(), [](const auto& a, const auto& b) { return a.used < b.used; });
    if (oldest->used < batches_) files_.erase(oldest);  // not of this batch
  }
  files_.push_back(
      {column.data, batches_, {env_, store::shared_file_path(inputs_, column.data), column.size, column.width}});
  return files_.back().mapping.data();
}

void MailboxIo::make_room(Batch& batch, std::uint64_t wanted, std::uint64_t kept) {
  if (in_arena_) {
    const auto room = arena_.room(wanted, kept);
    batch.results = room.data;
    batch.capacity = room.size;
    return;
  }
  if (results_.size() < wanted) results_.resize(wanted);
  batch.results = results_.data();
  batch.capacity = results_.size();
}

void MailboxIo::commit(const Batch& batch, std::uint64_t completed) {
  if (completed == 0) return;
  states_.assign(completed, store::TaskState::kOk);
  const auto& memory = mailbox_.memory();
  auto* const places =
      reinterpret_cast<store::Place*>(memory.at(request_.places, request_.count * sizeof(store::Place))) + index_;
  if (cancelled_) {
    if (request_.by_place) std::fill_n(places, completed, store::Place());
  } else if (in_arena_) {
    commit_results(batch, completed, places);
  } else if (const std::uint64_t size = request_.result_size; size > 0) {
    std::memcpy(memory.at(request_.results + index_ * size, completed * size), batch.results, completed * size);
  }
  for (const auto& failed : batch.failures) {
    states_[failed.index] = store::TaskState::kFailed;
    places[failed.index] = arena_.write_failure(failed.failure, stacks_.modules());
  }
  mailbox_.answer(slot_, index_, states_);
}

void MailboxIo::commit_results(const Batch& batch, std::uint64_t completed, store::Place* places) {
  const auto end_of = [&](std::uint64_t i) { return batch.result_size ? (i + 1) * *batch.result_size : batch.ends[i]; };
  const store::Place all = arena_.commit(end_of(completed - 1), completed - batch.failures.size());
  std::uint64_t begin = 0;
  for (std::uint64_t i = 0; i < completed; ++i) {
    const std::uint64_t end = end_of(i);
    places[i] = {all.offset + begin, end - begin, all.lane, all.block};
    begin = end;
  }
}

/// The solo lane must not take a wake-up, or the place of the one that spins, from those that can run what was posted.
void MailboxIo::wait() {
  if (own_) {
    store::futex_wait(own_->wake, seen_, kIdleWaitNs);
  } else {
    mailbox_.wait_task(seen_, kIdleWaitNs);
  }
}

}  // namespace jobhost::worker
