#include "store/mailbox.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.hpp"
#include "store/doorbell.hpp"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace jobhost::store {
namespace {

constexpr std::uint64_t kSlotSize = 4096, kVaries = UINT64_MAX;
// Places in the memory. What is below kRegions is mapped from the start.
constexpr std::uint64_t kSlotsBegin = 64 << 10, kRooms = 2 << 20, kTables = kRooms + Mailbox::kSlots * Mailbox::kRoom;
constexpr std::uint64_t kTable = Mailbox::kBlocks * sizeof(ArenaBlock);
constexpr std::uint64_t kBase = kTables + Mailbox::kArenas * kTable;
constexpr std::uint64_t kRegions = std::uint64_t{1} << 40;  // shared values
constexpr std::uint64_t kBodies = std::uint64_t{1} << 50;   // requests beyond their rooms
constexpr std::uint64_t kBodyRoom = std::uint64_t{1} << 38;
constexpr std::uint64_t kHugePage = 2 << 20;
constexpr std::uint64_t kKept = 1 << 20;  // a larger body's memory is given back at once
constexpr unsigned kWarmSlots = 32, kWarmRooms = 4;
constexpr std::uint64_t kWarmRoom = 64 << 10;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// A lane that answers hands its slot to the host, which gives it to a lane anew: ThreadSanitizer, which sees no other
// process, is told that both know of one another.
#ifdef __SANITIZE_THREAD__
void given_by_lane(void* slot) { __tsan_release(slot); }
void taken_by_lane(void* slot) { __tsan_acquire(slot); }
#else
void given_by_lane(void*) {}
void taken_by_lane(void*) {}
#endif

/// True when the word changed from `seen` during a short spin.
bool changes_soon(const std::atomic<std::uint32_t>& word, std::uint32_t seen, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (word.load(std::memory_order_acquire) != seen) return true;
    relax();
  }
  return false;
}

std::uint64_t aligned(std::uint64_t size, std::uint64_t to) { return (size + to - 1) / to * to; }

}  // namespace

std::uint64_t count_ended(const unsigned char* states, std::uint64_t count) {
  static_assert(static_cast<unsigned>(TaskState::kPosted) == 0 && static_cast<unsigned>(TaskState::kFailed) < 4);
  std::uint64_t ended = 0, i = 0;
  for (; i + 8 <= count; i += 8) {
    const std::uint64_t eight = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(states + i), __ATOMIC_ACQUIRE);
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    ended += ((eight | eight >> 1) & kOnes) * kOnes >> 56;  // sum of the bytes
  }
  for (; i < count; ++i) ended += __atomic_load_n(states + i, __ATOMIC_ACQUIRE) != 0;
  return ended;
}

struct alignas(64) Mailbox::Slot {
  std::atomic<std::uint32_t> cancelled;
  std::uint32_t by_place, column_count, task_count;
  std::uint64_t entry, result_size, first;
  std::uint64_t body, body_size, states, results, places;
  alignas(64) RequestColumn columns[1];  // as many as there are; the body follows where it fits
};

struct Mailbox::Page {
  alignas(128) std::atomic<std::uint64_t> posted;
  std::atomic<std::uint32_t> posts;  // futex: counts posts and other reasons to look
  std::atomic<std::uint32_t> sleepers, spinner;
  alignas(128) std::atomic<std::uint32_t> replies;  // futex
  std::atomic<std::uint32_t> waiters;
  /// Which tasks are in which slot. The count is 0 while the rest changes.
  struct alignas(16) Entry {
    std::atomic<std::uint64_t> first, count;
  };
  alignas(128) Entry entries[kSlots];
};

Mailbox::Mailbox() : memory_("jobhost-mailbox", kBase) {
  warm_up();
  ::madvise(memory_.at(kRooms, 1), kTables - kRooms, MADV_HUGEPAGE);
}

Mailbox::Mailbox(int fd) : memory_(fd, kBase) { warm_up(); }

/// Maps what the first requests will use, all at once: page by page, when it is touched, costs several times as much.
void Mailbox::warm_up() const {
  ::madvise(memory_.at(0, kBase), kSlotsBegin + kWarmSlots * kSlotSize, MADV_POPULATE_WRITE);
  for (unsigned i = 0; i < kWarmRooms; ++i)
    ::madvise(memory_.at(kRooms + i * kRoom, 1), kWarmRoom, MADV_POPULATE_WRITE);
}

Mailbox::Slot& Mailbox::slot(unsigned number) const {
  return *reinterpret_cast<Slot*>(memory_.at(kSlotsBegin + number * kSlotSize, kSlotSize));
}

ArenaBlock* Mailbox::arena(unsigned lane) const {
  return reinterpret_cast<ArenaBlock*>(memory_.at(kTables + lane * kTable, kTable));
}

Mailbox::View Mailbox::view(unsigned number) const {
  const Slot& slot = this->slot(number);
  View view;
  view.entry = slot.entry;
  view.result_size = slot.result_size;
  view.first = slot.first;
  view.count = slot.task_count;
  view.by_place = slot.by_place != 0;
  view.columns = {slot.columns, slot.column_count};
  view.body = slot.body;
  view.body_size = slot.body_size;
  view.states = slot.states;
  view.results = slot.results;
  view.places = slot.places;
  return view;
}

void Mailbox::post(unsigned number, const Request& request) {
  Slot& slot = this->slot(number);
  slot.entry = request.entry;
  slot.result_size = request.result_size.value_or(kVaries);
  slot.by_place = !request.result_size || *request.result_size > kInRequest;
  slot.column_count = static_cast<std::uint32_t>(request.columns.size());
  slot.first = request.first;
  slot.task_count = static_cast<std::uint32_t>(request.count);

  std::uint64_t size = 0;
  for (const auto& column : request.columns) size += aligned(column.bytes.size(), 8);
  const std::uint64_t states = size = aligned(size, 64);  // what lanes write is on lines of its own
  const std::uint64_t results = size += aligned(request.count, 8);
  const std::uint64_t places = size += slot.by_place ? 0 : aligned(request.count * slot.result_size, 8);
  slot.body_size = size += request.count * sizeof(Place);
  const std::uint64_t table = aligned(offsetof(Slot, columns) + request.columns.size() * sizeof(RequestColumn), 64);
  if (table > kSlotSize) throw base::Error(base::ExitCode::kUsage, "a call of a pool has too many parameters");
  const bool is_inline = table + size <= kSlotSize, in_room = size <= kRoom;
  slot.body = is_inline ? kSlotsBegin + number * kSlotSize + table
              : in_room ? kRooms + number * kRoom
                        : kBodies + number * kBodyRoom;
  slot.states = slot.body + states;
  slot.results = slot.body + results;
  slot.places = slot.body + places;
  unsigned char* const body =
      is_inline || in_room ? memory_.at(slot.body, size) : memory_.in_huge_pages(slot.body, std::max(size, kHugePage));

  std::uint64_t at = 0;
  for (std::size_t i = 0; i < request.columns.size(); ++i) {
    const auto& [column, bytes] = request.columns[i];
    slot.columns[i] = column;
    if (bytes.empty()) continue;
    slot.columns[i].data = slot.body + at;
    std::memcpy(body + at, bytes.data(), bytes.size());
    at += aligned(bytes.size(), 8);
  }
  std::memset(body + states, 0, request.count);
  slot.cancelled.store(0, std::memory_order_relaxed);
  auto& entry = page().entries[number];
  entry.first.store(request.first, std::memory_order_relaxed);
  entry.count.store(request.count, std::memory_order_release);
  page().posted.store(request.first + request.count, std::memory_order_release);
  page().posts.fetch_add(1);
  // A lane that spins will see it, and wakes others if it finds more than it takes.
  if (page().spinner.load() == 0 && page().sleepers.load() > 0) futex_wake(page().posts, 1);
}

void Mailbox::cancel(unsigned number) { slot(number).cancelled.store(1, std::memory_order_relaxed); }
bool Mailbox::cancelled(unsigned number) const { return slot(number).cancelled.load(std::memory_order_relaxed) != 0; }

void Mailbox::free(unsigned number) {
  page().entries[number].count.exchange(0, std::memory_order_acq_rel);  // before anything else of the slot changes
  const Slot& slot = this->slot(number);
  if (slot.body_size > kKept) memory_.free(slot.body, aligned(slot.body_size, kHugePage));
}

std::uint64_t Mailbox::share(std::uint64_t size) {
  const std::uint64_t room = std::bit_ceil(std::max<std::uint64_t>(size, 4096));
  const std::lock_guard lock(mutex_);
  auto& places = unshared_[room];
  if (!places.empty()) {
    const std::uint64_t place = places.back();
    places.pop_back();
    return place;
  }
  if (next_shared_ == 0) next_shared_ = kRegions;
  const std::uint64_t place = aligned(next_shared_, std::min(room, kHugePage));
  next_shared_ = place + room;
  return place;
}

void Mailbox::unshare(std::uint64_t place, std::uint64_t size) {
  memory_.free(place, size);
  const std::lock_guard lock(mutex_);
  unshared_[std::bit_ceil(std::max<std::uint64_t>(size, 4096))].push_back(place);
}

std::uint32_t Mailbox::replies() const { return page().replies.load(); }

void Mailbox::wait_reply(std::uint32_t seen, std::uint64_t timeout_ns) {
  auto& page = this->page();
  const int spins = spins_.load(std::memory_order_relaxed);
  if (changes_soon(page.replies, seen, spins)) {
    spins_.store(kMostSpins, std::memory_order_relaxed);
    return;
  }
  // Replies that keep coming late are not worth a core that could work on them. Now and then it is tried again.
  spins_.store(spins > 1 ? spins / 2 : kMostSpins, std::memory_order_relaxed);
  page.waiters.fetch_add(1);
  futex_wait(page.replies, seen, timeout_ns);
  page.waiters.fetch_sub(1);
}

std::uint64_t Mailbox::posted() const { return page().posted.load(std::memory_order_acquire); }

/// False also while the host fills the slot anew: then it is not that of a task without a reply.
bool Mailbox::holds(unsigned number, std::uint64_t task) const {
  const auto& entry = page().entries[number];
  const std::uint64_t count = entry.count.load(std::memory_order_acquire);
  const std::uint64_t first = entry.first.load(std::memory_order_acquire);
  return task - first < count && entry.count.load(std::memory_order_relaxed) == count;
}

std::optional<unsigned> Mailbox::find_unanswered(std::uint64_t task) const {
  for (unsigned i = 0; i < kSlots; ++i) {
    if (!holds(i, task)) continue;
    const View view = this->view(i);
    if (state(view, task - view.first) == TaskState::kPosted) return i;
  }
  return std::nullopt;
}

unsigned Mailbox::find(std::uint64_t task, unsigned hint) const {
  const auto found = holds(hint, task) ? hint : find_unanswered(task);
  if (found) {
    taken_by_lane(&slot(*found));
    return *found;
  }
  throw base::Error(base::ExitCode::kDamaged, "task " + std::to_string(task) + " has no request in shared memory");
}

void Mailbox::prefetch(unsigned number) const {
  constexpr int kLines = 6;
  const auto* line = reinterpret_cast<const unsigned char*>(&slot(number));
  __builtin_prefetch(&page().entries[number]);
  for (int i = 0; i < kLines; ++i) __builtin_prefetch(line + 64 * i);
}

TaskState Mailbox::state(const View& view, std::uint64_t index) const {
  const auto* states = reinterpret_cast<const std::atomic<TaskState>*>(memory_.at(view.states, view.count));
  return states[index].load(std::memory_order_acquire);
}

void Mailbox::answer(unsigned number, std::uint64_t index, std::span<const TaskState> ends) {
  Slot& slot = this->slot(number);
  auto* states = reinterpret_cast<std::atomic<TaskState>*>(memory_.at(slot.states, slot.task_count)) + index;
  given_by_lane(&slot);
  for (std::size_t i = 0; i < ends.size(); ++i) states[i].store(ends[i], std::memory_order_release);
  page().replies.fetch_add(1);
  if (page().waiters.load() > 0) futex_wake_all(page().replies);
}

std::uint32_t Mailbox::posts() const { return page().posts.load(); }

void Mailbox::wait_task(std::uint32_t seen, std::uint64_t timeout_ns) {
  auto& page = this->page();
  if (page.spinner.exchange(1) == 0) {
    const bool changed = changes_soon(page.posts, seen, kMostSpins);
    page.spinner.store(0);
    if (changed) return;
  }
  page.sleepers.fetch_add(1);
  futex_wait(page.posts, seen, timeout_ns);
  page.sleepers.fetch_sub(1);
}

void Mailbox::wake_another_lane() {
  if (page().sleepers.load(std::memory_order_relaxed) > 0) futex_wake(page().posts, 1);
}

std::vector<std::uint64_t> Mailbox::unanswered() const {
  std::vector<std::uint64_t> tasks;
  for (unsigned i = 0; i < kSlots; ++i) {
    auto& entry = page().entries[i];
    const std::uint64_t count = entry.count.load(std::memory_order_acquire);
    if (count == 0) continue;
    const View view = this->view(i);
    const std::size_t before = tasks.size();
    for (std::uint64_t index = 0; index < view.count; ++index) {
      if (state(view, index) == TaskState::kPosted) tasks.push_back(view.first + index);
    }
    // Where the host filled the slot anew meanwhile its tasks were all answered. Read so that it comes after all above.
    const bool same = entry.count.fetch_add(0, std::memory_order_acq_rel) == count && entry.first.load() == view.first;
    if (!same) tasks.resize(before);
  }
  std::sort(tasks.begin(), tasks.end());
  return tasks;
}

void Mailbox::wake_lanes() {
  page().posts.fetch_add(1);
  futex_wake_all(page().posts);
}

void Mailbox::forget_dead_lanes() { page().spinner.store(0); }

}  // namespace jobhost::store
