#include "store/result_arena.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kArenas = std::uint64_t{1} << 52, kArena = std::uint64_t{1} << 42;  // places in the memory
constexpr std::uint64_t kSmallest = 64 << 10, kUsual = 1 << 20;                             // bytes of a block
constexpr std::uint64_t kSpare = 64 << 20;  // free blocks beyond give their memory back
constexpr std::uint64_t kLeast = 4096;      // a room

base::ByteView bytes_at(const Mailbox& mailbox, const Place& place) {
  return {mailbox.memory().at(place.offset, place.size), place.size};
}

}  // namespace

ResultArena::Room ResultArena::room(std::uint64_t size, std::uint64_t kept) {
  size = std::max(size, kLeast);
  if (room_.size < size) {
    const Room before = room_;
    next_block(size);
    if (kept > 0) std::memcpy(room_.data, before.data, kept);
  }
  return room_;
}

void ResultArena::next_block(std::uint64_t size) {
  std::uint32_t found = Place::kNowhere, i = 0;
  std::uint64_t spare = 0, end = kArenas + lane_ * kArena, largest = 0;
  for (; i < Mailbox::kBlocks && blocks_[i].size > 0; ++i) {
    ArenaBlock& block = blocks_[i];
    end = block.offset + block.size;
    largest = std::max(largest, block.size);
    if (i == block_ || block.live.load(std::memory_order_acquire) > 0) continue;
    if (found == Place::kNowhere && block.size >= size) {
      found = i;
    } else if (spare += block.size; spare > kSpare) {
      mailbox_.memory().free(block.offset, block.size);
    }
  }
  if (found == Place::kNowhere) {
    if (i == Mailbox::kBlocks) {
      throw base::Error(base::ExitCode::kBackendFailed, "too many results of a lane wait to be read");
    }
    found = i;
    const std::uint64_t usual = std::clamp(2 * largest, kSmallest, kUsual);
    const std::uint64_t whole = std::max(usual, std::bit_ceil(size));
    // Aligned to its own size up to what is mapped together, so that it lies in one mapping.
    blocks_[i].offset = (end + whole - 1) / whole * whole;
    std::atomic_ref(blocks_[i].size).store(whole, std::memory_order_release);  // last: this process may be killed
  }
  block_ = found;
  at_ = 0;
  const ArenaBlock& block = blocks_[found];
  room_ = {block.size > kUsual ? mailbox_.memory().in_huge_pages(block.offset, block.size)
                               : mailbox_.memory().at(block.offset, block.size),
           block.size};
}

Place ResultArena::commit(std::uint64_t size, std::uint64_t tasks) {
  blocks_[block_].live.fetch_add(tasks, std::memory_order_relaxed);
  const Place place{blocks_[block_].offset + at_, size, lane_, block_};
  const std::uint64_t used = std::min((size + 63) / 64 * 64, room_.size);
  at_ += used;
  room_ = {room_.data + used, room_.size - used};
  return place;
}

Place ResultArena::write_failure(const Failure& failure, const std::vector<std::string>& modules) {
  const auto write = [this](const base::Bytes& bytes) {
    std::memcpy(room(bytes.size()).data, bytes.data(), bytes.size());
    return commit(bytes.size(), 1);
  };
  if (modules != modules_) {
    base::Bytes list;
    encode_modules(modules, list);
    modules_place_ = write(list);  // nobody lets go of it
    modules_ = modules;
  }
  base::Bytes record(sizeof modules_place_);
  std::memcpy(record.data(), &modules_place_, sizeof modules_place_);
  encode(failure, record);
  return write(record);
}

FailureReply read_failure(const Mailbox& mailbox, const Place& place) {
  base::ByteReader reader(bytes_at(mailbox, place));
  const auto modules = reader.value<Place>();
  return {decode_failure(reader.take(reader.remaining())), modules};
}

std::vector<std::string> read_modules(const Mailbox& mailbox, const Place& place) {
  if (place.block == Place::kNowhere) return {};
  return decode_modules(bytes_at(mailbox, place));
}

}  // namespace jobhost::store
