#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bundle/input_reader.hpp"
#include "host/submission.hpp"

namespace jobhost::host {

/// Stands for a task's encoded arguments, and for the contents of the files they name where these were recorded.
using TaskKey = std::array<unsigned char, 16>;

/// Computes keys of a job's tasks from its inputs. Equal keys of jobs of one kernel mean equal arguments, however the
/// inputs were written.
class TaskKeys {
 public:
  /// `job` outlives this.
  TaskKeys(base::Env& env, const Job& job);
  /// Calls `use` with each task of [first, first+count) and its key, in order.
  void for_each(std::uint64_t first, std::uint64_t count,
                const std::function<void(std::uint64_t, const TaskKey&)>& use);

 private:
  void add(std::size_t parameter, base::ByteView value);

  const bundle::Manifest& manifest_;
  bundle::InputReader inputs_;
  std::map<std::string, std::string, std::less<>> files_;  // digest by name
  std::vector<bool> common_;                               // by parameter: one value for all tasks
  std::vector<std::optional<TaskKey>> digests_;            // of large ones
  std::vector<jobhost_column> columns_;
  base::Bytes text_;
};

/// Which tasks of a job have a key.
class TaskTable {
 public:
  /// Of tasks numbered as the keys are.
  explicit TaskTable(std::vector<TaskKey> keys);
  /// Calls `use` with each task that has the key.
  template <class Use>
  void find(const TaskKey& key, const Use& use) const {
    for (std::uint64_t task = slots_[slot_of(key)]; task != kNone; task = next_[task]) use(task);
  }

 private:
  static constexpr std::uint64_t kNone = UINT64_MAX;
  std::size_t slot_of(const TaskKey& key) const;

  std::vector<TaskKey> keys_;
  std::vector<std::uint64_t> slots_;  // the first task of each key, by open addressing
  std::vector<std::uint64_t> next_;   // with the same key
};

}  // namespace jobhost::host
