#include "host/task_keys.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/checksum.hpp"

namespace jobhost::host {
namespace {

constexpr std::uint64_t kBatch = 8192;
constexpr std::uint64_t kLarge = 64;  // bytes; larger values are stood for by their digest

}  // namespace

TaskKeys::TaskKeys(base::Env& env, const Job& job)
    : manifest_(job.manifest),
      inputs_(env, job.manifest.inputs, job.manifest.kernel, job.directory.path()),
      common_(job.manifest.kernel.parameters.size()),
      digests_(common_.size()) {
  for (const auto& file : manifest_.provenance.files) files_.emplace(file.path, file.sha256);
  for (const auto& axis : manifest_.inputs.axes) {
    for (const auto& source : axis.sources) {
      const bool constant = std::holds_alternative<bundle::Constant>(source.values);
      const bool stored = std::holds_alternative<bundle::Stored>(source.values);
      common_[source.parameter] = constant || (stored && axis.length == 1);
    }
  }
}

void TaskKeys::add(std::size_t parameter, base::ByteView value) {
  if (value.size() <= kLarge) {
    text_.insert(text_.end(), value.begin(), value.end());
  } else {
    auto& known = digests_[parameter];
    if (!known || !common_[parameter]) known = base::sha256_half(value);
    text_.insert(text_.end(), known->begin(), known->end());
  }
  if (files_.empty() || manifest_.kernel.parameters[parameter].type.kind != schema::Kind::kString) return;
  const auto file = files_.find(base::as_text(value.subspan(std::min<std::size_t>(8, value.size()))));
  if (file != files_.end()) text_.insert(text_.end(), file->second.begin(), file->second.end());
}

void TaskKeys::for_each(std::uint64_t first, std::uint64_t count,
                        const std::function<void(std::uint64_t, const TaskKey&)>& use) {
  for (const std::uint64_t end = first + count; first < end;) {
    const std::uint64_t n = inputs_.read(first, std::min(kBatch, end - first), columns_);
    for (std::uint64_t i = 0; i < n; ++i) {
      text_.clear();
      for (std::size_t p = 0; p < columns_.size(); ++p) add(p, bundle::value_at(columns_[p], i));
      use(first + i, base::sha256_half(text_));
    }
    first += n;
  }
}

TaskTable::TaskTable(std::vector<TaskKey> keys)
    : keys_(std::move(keys)), slots_(std::bit_ceil(2 * keys_.size() + 1), kNone), next_(keys_.size(), kNone) {
  for (std::uint64_t task = 0; task < keys_.size(); ++task) {
    std::uint64_t& head = slots_[slot_of(keys_[task])];
    if (head == kNone) {
      head = task;
    } else {
      next_[task] = next_[head];
      next_[head] = task;
    }
  }
}

std::size_t TaskTable::slot_of(const TaskKey& key) const {
  std::uint64_t word = 0;
  std::memcpy(&word, key.data(), sizeof word);
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = word & mask;
  while (slots_[slot] != kNone && keys_[slots_[slot]] != key) slot = (slot + 1) & mask;
  return slot;
}

}  // namespace jobhost::host
