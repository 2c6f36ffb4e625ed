#include "api/pool_map.hpp"

#include <algorithm>

#include "api/program.hpp"

namespace jobhost::api {
namespace {

using store::Mailbox;
using store::RequestColumn;
using store::TaskState;

constexpr std::size_t kAhead = 8;                   // requests posted whatever is ready to be read
constexpr std::size_t kMostParts = 64;              // requests at a time
constexpr std::uint64_t kRequestBytes = 128 << 10;  // arguments and results of a request
constexpr std::uint64_t kResultBytes = 2 << 20;     // of a request, in arenas
constexpr std::uint64_t kUnread = 8 << 20;          // bytes of results that may wait to be read
constexpr std::uint64_t kMostUnread = 512 << 20;    // likewise, while a slow task holds up all others
constexpr std::uint64_t kMostPlaced = 8192;      // unread results in arenas: later ones may be larger than those seen
constexpr std::uint64_t kUnknownSize = 2 << 20;  // bytes of a result before one was seen
constexpr std::uint64_t kPauseNs = 50'000'000;

}  // namespace

PoolMap::PoolMap(std::shared_ptr<LocalPool> pool, std::shared_ptr<const PreparedCall> call,
                 std::unique_ptr<detail::Feed> feed, std::optional<std::uint64_t> tasks, bool in_order,
                 std::stop_token stop)
    : pool_(std::move(pool)),
      call_(std::move(call)),
      feed_(std::move(feed)),
      by_place_(!call_->call.result_size || *call_->call.result_size > Mailbox::kInRequest),
      in_order_(in_order),
      size_(tasks.value_or(0)),
      stop_(std::move(stop)) {
  for (const auto& column : call_->call.columns)
    values_.resize(values_.size() + (column.from == detail::Column::From::kFeed));
  collected_.resize(values_.size());
  post();
}

PoolMap::~PoolMap() {
  for (const auto& part : parts_) pool_->release(part.posted);
}

std::uint64_t PoolMap::done() {
  const std::lock_guard lock(mutex_);
  std::uint64_t done = forgotten_.load();
  for (const auto& part : parts_) done += pool_->ended(*part.posted);
  return done;
}

bool PoolMap::next(detail::Block& block) {
  return in_users_words([&] { return next_block(block); });
}

bool PoolMap::next_block(detail::Block& block) {
  if (finished_) forget(*std::exchange(finished_, std::nullopt));
  for (;;) {
    if (cancelled_.load() || stop_.stop_requested()) return false;
    const std::uint32_t seen = pool_->replies();
    if (find_block(block)) {
      if (parts_.size() < kAhead && may_post()) post();
      return true;
    }
    if (may_post()) {
      post();
    } else if (parts_.empty()) {
      if (feed_failure_) std::rethrow_exception(std::exchange(feed_failure_, nullptr));
      return false;
    } else {
      if (while_waiting) while_waiting();
      pool_->wait(seen, kPauseNs);
    }
  }
}

bool PoolMap::find_block(detail::Block& block) {
  const std::size_t looked_at = in_order_ ? std::min<std::size_t>(parts_.size(), 1) : parts_.size();
  for (std::size_t i = 0; i < looked_at; ++i) {
    Part& part = parts_[i];
    Posted& posted = *part.posted;
    const std::uint64_t count = posted.request.count;
    if (!(in_order_ && posted.pinned) && !pool_->pin_if_more(posted, part.given)) continue;
    if (!in_order_) part.is_given.resize(count);
    // In order only the next task will do.
    for (std::uint64_t looked = 0; looked < (in_order_ ? 1 : count); ++looked) {
      if (looked > 0) part.at = part.at + 1 < count ? part.at + 1 : 0;
      if ((!in_order_ && part.is_given[part.at]) || posted.state(part.at) == TaskState::kPosted) continue;
      give(part, block);
      if (part.given == count) finished_ = i;
      return true;
    }
  }
  return false;
}

/// Tasks from `first` on that can be given together.
std::uint64_t PoolMap::run_of(const Part& part, std::uint64_t first) const {
  const Posted& posted = *part.posted;
  std::uint64_t end = first + 1;
  const auto joins = [&] {
    if (posted.state(end) != TaskState::kOk || (!in_order_ && part.is_given[end])) return false;
    if (!by_place_) return true;
    const store::Place &last = posted.place(end - 1), &next = posted.place(end);
    return next.offset == last.offset + last.size && next.block == last.block && next.lane == last.lane;
  };
  while (end < posted.request.count && joins()) ++end;
  return end - first;
}

void PoolMap::give(Part& part, detail::Block& block) {
  const Posted& posted = *part.posted;
  const std::uint64_t first = part.at;
  block = {part.position + first, 1, {}, nullptr};
  if (posted.state(first) == TaskState::kFailed) {
    failure_ = pool_->failure_of(posted, first);
    block.failure = &failure_;
  } else {
    block.count = run_of(part, first);
  }
  part.at = (first + block.count) % posted.request.count;
  part.given += block.count;
  if (!in_order_) std::fill_n(part.is_given.begin() + static_cast<std::ptrdiff_t>(first), block.count, true);
  if (block.failure) return;
  if (!by_place_) {
    const std::uint64_t size = posted.request.result_size;
    block.results = {posted.results() + first * size, nullptr, size, size};
    return;
  }
  const std::uint64_t begin = posted.place(first).offset;
  offsets_.resize(block.count + 1);
  for (std::uint64_t i = 0; i < block.count; ++i) offsets_[i] = posted.place(first + i).offset - begin;
  offsets_[block.count] = offsets_[block.count - 1] + posted.place(first + block.count - 1).size;
  block.results = {pool_->mailbox().memory().at(begin, offsets_[block.count]), offsets_.data(), 0, 0};
  result_bytes_ += offsets_[block.count];
  results_ += block.count;
}

void PoolMap::forget(std::size_t number) {
  pool_->release(parts_[number].posted);
  forgotten_.fetch_add(parts_[number].posted->request.count);
  const std::lock_guard lock(mutex_);
  parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(number));
}

/// Tasks that the next request may have.
std::uint64_t PoolMap::most_tasks() const {
  if (!by_place_) {
    const std::uint64_t size = std::max<std::uint64_t>(call_->call.result_size.value_or(0), 1);
    return std::min(Mailbox::kMostTasks, kRequestBytes / size);
  }
  const std::uint64_t mean = results_ > 0 ? result_bytes_ / results_ + 1 : kUnknownSize;
  return std::clamp<std::uint64_t>(kResultBytes / mean, 1, Mailbox::kMostTasks);
}

bool PoolMap::may_post() const {
  if (ended_ || parts_.size() >= kMostParts) return false;
  if (!by_place_ || parts_.empty()) return true;
  std::uint64_t unread = 0, running = 0;
  for (const auto& part : parts_) {
    unread += part.posted->request.count - part.given;
    running += part.posted->request.count - pool_->ended(*part.posted);
  }
  const std::uint64_t mean = results_ > 0 ? result_bytes_ / results_ + 1 : kUnknownSize;
  return unread < kMostPlaced && unread * mean < (running < 2 * pool_->lanes() ? kMostUnread : kUnread);
}

void PoolMap::post() {
  const std::uint64_t most = most_tasks();
  std::uint64_t count = 0, bytes = 0;
  for (auto& column : collected_) {
    column.bytes.clear();
    column.offsets.assign(1, 0);
  }
  while (count < most && bytes < kRequestBytes && !ended_) {
    try {
      ended_ = !feed_->next(values_);
    } catch (...) {  // what was read before is run, and read first
      feed_failure_ = std::current_exception();
      ended_ = true;
    }
    if (ended_) break;
    ++count;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      auto& column = collected_[i];
      column.width = count == 1 || column.width == values_[i].size() ? values_[i].size() : 0;
      column.bytes.insert(column.bytes.end(), values_[i].begin(), values_[i].end());
      column.offsets.push_back(column.bytes.size());
      bytes += values_[i].size();
    }
  }
  if (count == 0) return;
  auto columns = call_->columns;
  std::size_t from_feed = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& column = call_->call.columns[i];
    if (column.from == detail::Column::From::kRange) columns[i].column.data = column.start + fed_.load();
    if (column.from != detail::Column::From::kFeed) continue;
    auto& [values, offsets, width] = collected_[from_feed++];
    if (width > 0) {
      columns[i].column = {RequestColumn::Kind::kFixed, static_cast<std::uint32_t>(width), 0, values.size()};
    } else {
      const auto* raw = reinterpret_cast<const unsigned char*>(offsets.data());
      values.insert(values.begin(), raw, raw + offsets.size() * sizeof offsets[0]);
      columns[i].column = {RequestColumn::Kind::kVarying, 0, 0, values.size()};
    }
    columns[i].bytes = values;
  }
  Part part{pool_->post(call_, columns, count), fed_.load()};
  fed_.fetch_add(count);
  const std::lock_guard lock(mutex_);
  parts_.push_back(std::move(part));
}

}  // namespace jobhost::api
