#pragma once

#include <atomic>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/local_pool.hpp"

namespace jobhost::api {

/// The tasks of a feed on a pool: posts requests some way ahead of what is read, and gives blocks of results where they
/// lie.
class PoolMap : public detail::Job {
 public:
  PoolMap(std::shared_ptr<LocalPool> pool, std::shared_ptr<const PreparedCall> call, std::unique_ptr<detail::Feed> feed,
          std::optional<std::uint64_t> tasks, bool in_order, std::stop_token stop);
  ~PoolMap() override;

  std::uint64_t tasks() const override { return std::max(size_, fed_.load()); }
  std::uint64_t done() override;
  bool next(detail::Block& block) override;
  void cancel() override { cancelled_.store(true); }

 private:
  struct Part {
    std::shared_ptr<Posted> posted;
    std::uint64_t position;           // of its first task in the feed
    std::uint64_t at = 0;             // where to look for the next block
    std::uint64_t given = 0;          // tasks
    std::vector<bool> is_given = {};  // out of order
  };
  bool next_block(detail::Block& block);
  bool find_block(detail::Block& block);
  void give(Part& part, detail::Block& block);
  std::uint64_t run_of(const Part& part, std::uint64_t first) const;
  void forget(std::size_t part);
  bool may_post() const;
  void post();
  std::uint64_t most_tasks() const;

  std::shared_ptr<LocalPool> pool_;
  std::shared_ptr<const PreparedCall> call_;
  std::unique_ptr<detail::Feed> feed_;
  std::vector<std::string> values_;  // of one task
  struct Collected {                 // of a request
    std::vector<unsigned char> bytes;
    std::vector<std::uint64_t> offsets;
    std::uint64_t width = 0;  // of every value so far; offsets tell otherwise
  };
  std::vector<Collected> collected_;  // by column of the feed
  bool by_place_;                     // results are of varying size, or large
  bool in_order_, ended_ = false;
  std::exception_ptr feed_failure_;  // what its feed threw
  std::uint64_t size_;
  std::atomic<std::uint64_t> fed_{0}, forgotten_{0};
  std::deque<Part> parts_;
  std::optional<std::size_t> finished_;           // the part that the last block was of, when all of it is given
  std::uint64_t result_bytes_ = 0, results_ = 0;  // seen so far
  std::vector<std::uint64_t> offsets_;            // of a block
  detail::Failure failure_;
  std::stop_token stop_;
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;  // parts_, for done()
};

}  // namespace jobhost::api
