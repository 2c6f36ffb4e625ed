#include "api/local_pool.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>

#include "api/failure.hpp"
#include "api/program.hpp"
#include "base/file.hpp"
#include "host/workers.hpp"
#include "store/mailbox.hpp"

namespace jobhost::api {
namespace {

using store::Mailbox;
using store::SlotState;

constexpr std::uint64_t kLookNs = 50'000'000;  // after the workers, while waiting
constexpr std::uint64_t kLarge = 1024;         // bytes; larger values of a call are sent once
constexpr std::uint64_t kUnused = UINT64_MAX;  // in place of a task

/// A value in the mailbox for as long as anybody refers to it.
class Region : public detail::SharedValue {
 public:
  Region(std::shared_ptr<Mailbox> mailbox, base::Bytes&& bytes)
      : mailbox_(std::move(mailbox)), place_(mailbox_->share(bytes)), size_(bytes.size()) {}
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() override { mailbox_->unshare(place_, size_); }
  store::Request::Column column() const { return {{}, place_, size_}; }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  std::uint64_t place_, size_;
};

class PreparedCall : public detail::TaskPool::Prepared {
 public:
  detail::Call call;
  std::uint64_t entry = 0;
};

class ByteCollector : public detail::ByteSink {
 public:
  void bytes(const void* from, std::uint64_t size) override {
    const auto* begin = static_cast<const unsigned char*>(from);
    collected.insert(collected.end(), begin, begin + size);
  }
  base::Bytes collected;
};

class LocalPool : public detail::TaskPool {
 public:
  LocalPool(base::Env& env, std::shared_ptr<Mailbox> mailbox, std::unique_ptr<host::HeadStart> workers, host::Job job,
            const std::string& globals)
      : env_(env), job_(std::move(job)), code_(std::make_shared<JobCode>(job_, true)), mailbox_(std::move(mailbox)) {
    owners_.fill(kUnused);
    base::Bytes encoded;
    base::append_text(encoded, globals);
    globals_ = std::make_shared<Region>(mailbox_, std::move(encoded));
    workers_ = std::make_unique<host::Workers>(env_, job_, std::move(workers));
  }

  ~LocalPool() override {
    workers_->stop(true);
    workers_.reset();
  }

  std::shared_ptr<Prepared> prepare(detail::Call call) override {
    auto prepared = std::make_shared<PreparedCall>();
    for (auto& column : call.columns) {
      if (column.from == detail::Column::From::kGlobals) {
        column.shared = globals_;
      } else if (column.from == detail::Column::From::kValue &&
                 (column.value.write || column.value.bytes.size() > kLarge)) {
        column.shared = share(column.value);
        column.value = {};
      }
    }
    prepared->entry = offset_in_program(reinterpret_cast<const void*>(call.entry));
    prepared->call = std::move(call);
    return prepared;
  }

  std::shared_ptr<detail::SharedValue> share(const detail::Value& value) override {
    return in_users_words([&] {
      ByteCollector collector;
      if (value.write) {
        value.write(collector);
      } else {
        collector.bytes(value.bytes.data(), value.bytes.size());
      }
      return std::make_shared<Region>(mailbox_, std::move(collector.collected));
    });
  }

  std::uint64_t post(const std::shared_ptr<Prepared>& prepared, std::uint64_t position,
                     const std::vector<std::string>& values) override {
    return in_users_words([&] {
      const auto& made = static_cast<const PreparedCall&>(*prepared);
      std::unique_lock lock(mutex_);
      for (;;) {
        const std::uint32_t seen = mailbox_->replies();
        if (make_room(next_)) break;
        wait_for_reply(lock, seen, UINT64_MAX);
      }
      const std::uint64_t task = next_++;
      store::Request request{made.entry, made.call.result_size, {}};
      request.columns.reserve(made.call.columns.size());
      auto value = values.begin();
      std::vector<std::uint64_t> numbers;
      numbers.reserve(made.call.columns.size());  // requests refer to them
      for (const auto& column : made.call.columns) {
        if (column.shared) {
          request.columns.push_back(static_cast<const Region&>(*column.shared).column());
        } else if (column.from == detail::Column::From::kTask) {
          request.columns.push_back({{reinterpret_cast<const unsigned char*>(&task), sizeof task}});
        } else if (column.from == detail::Column::From::kRange) {
          numbers.push_back(column.start + position);
          request.columns.push_back({{reinterpret_cast<const unsigned char*>(&numbers.back()), column.width}});
        } else {
          const auto& bytes = column.from == detail::Column::From::kFeed ? *value++ : column.value.bytes;
          request.columns.push_back({base::as_bytes(bytes)});
        }
      }
      owners_[task % Mailbox::kSlots] = task;
      calls_[task % Mailbox::kSlots] = prepared;
      mailbox_->post(task, request);
      return task;
    });
  }

  bool ready(std::uint64_t task) override {
    const std::lock_guard lock(mutex_);
    return is_ready(task);
  }

  std::size_t wait_any(const std::vector<std::uint64_t>& tasks, std::uint64_t nanoseconds) override {
    return in_users_words([&] {
      const std::uint64_t begin = env_.monotonic_ns();
      std::unique_lock lock(mutex_);
      for (;;) {
        const std::uint32_t seen = mailbox_->replies();
        const auto found = std::find_if(tasks.begin(), tasks.end(), [this](auto task) { return is_ready(task); });
        if (found != tasks.end()) return static_cast<std::size_t>(found - tasks.begin());
        const std::uint64_t waited = env_.monotonic_ns() - begin;
        if (waited >= nanoseconds) return tasks.size();
        wait_for_reply(lock, seen, nanoseconds - waited);
      }
    });
  }

  void take(std::uint64_t task, detail::Reply& reply, detail::Outcome& outcome) override {
    in_users_words([&] {
      const std::lock_guard lock(mutex_);
      Kept kept;
      if (const auto found = kept_.find(task); found != kept_.end()) {
        kept = std::move(found->second);
        kept_.erase(found);
      } else {
        kept = empty_slot(task);
      }
      reply.bytes = std::move(kept.reply);
      outcome = {task, reinterpret_cast<const unsigned char*>(reply.bytes.data()), reply.bytes.size(), nullptr};
      if (kept.state != SlotState::kFailed) return;
      reply.failure = std::move(kept.failure);
      outcome.failure = &reply.failure;
    });
  }

  void drop(std::uint64_t task) override {
    const std::lock_guard lock(mutex_);
    kept_.erase(task);
    std::uint64_t& owner = owners_[task % Mailbox::kSlots];
    if (owner != task) return;
    mailbox_->cancel(task);
    owner = kUnused;  // the reply is for nobody
  }

 private:
  struct Kept {
    SlotState state = SlotState::kOk;
    std::string reply;
    detail::Failure failure;
  };

  bool is_ready(std::uint64_t task) const {
    return kept_.contains(task) || mailbox_->state(task) != SlotState::kPosted;
  }

  /// Takes a reply out of its slot.
  Kept empty_slot(std::uint64_t task) {
    Kept kept{mailbox_->state(task), {}, {}};
    mailbox_->read_reply(task, kept.reply);
    auto& call = calls_[task % Mailbox::kSlots];
    if (kept.state == SlotState::kFailed) {
      const auto [failure, modules] = store::read_failure(base::as_bytes(kept.reply));
      reader_.read(task, columns_);
      kept.failure =
          told(code_, task, failure, modules, kernel_of(static_cast<const PreparedCall&>(*call).call), columns_);
    }
    mailbox_->free(task);
    owners_[task % Mailbox::kSlots] = kUnused;
    call.reset();
    return kept;
  }

  /// Empties the slot that a new task needs; false when what is in it has no reply yet.
  bool make_room(std::uint64_t task) {
    if (task < Mailbox::kSlots) return true;
    const std::uint64_t before = task - Mailbox::kSlots;
    const SlotState state = mailbox_->state(before);
    if (state == SlotState::kPosted) return false;
    if (state == SlotState::kFree) return true;
    const bool wanted = owners_[task % Mailbox::kSlots] == before;
    Kept kept = empty_slot(before);
    if (wanted) kept_.emplace(before, std::move(kept));
    return true;
  }

  /// Until there are more replies than `seen`, which was read before looking for one, or for some time.
  void wait_for_reply(std::unique_lock<std::mutex>& lock, std::uint32_t seen, std::uint64_t nanoseconds) {
    const std::uint64_t now = env_.monotonic_ns();
    if (now - last_look_ > kLookNs) {
      last_look_ = now;
      if (!workers_->running(seen)) {
        throw base::Error(base::ExitCode::kBackendFailed, "the workers of the pool ended", "make a new one");
      }
    }
    lock.unlock();
    mailbox_->wait_reply(seen, std::min(nanoseconds, kLookNs));
    lock.lock();
  }

  base::Env& env_;
  host::Job job_;
  std::shared_ptr<JobCode> code_;
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Region> globals_;
  std::unique_ptr<host::Workers> workers_;

  std::mutex mutex_;  // all below, and the host's side of the mailbox
  Mailbox::Reader reader_{*mailbox_};
  std::vector<jobhost_column> columns_;
  std::uint64_t next_ = 0;
  std::array<std::uint64_t, Mailbox::kSlots> owners_;                   // task whose reply is wanted, by slot
  std::array<std::shared_ptr<const Prepared>, Mailbox::kSlots> calls_;  // what a slot's request refers to
  std::unordered_map<std::uint64_t, Kept> kept_;                        // replies that had to leave their slots
  std::uint64_t last_look_ = 0;
};

}  // namespace

std::unique_ptr<detail::TaskPool> make_local_pool(base::Env& env, const std::string& folder, const std::string& globals,
                                                  const Options& options) {
  const detail::Call nothing{[] { return std::string("pool"); }, nullptr, [] { return std::string("\"void\""); }, {}};
  host::JobSpec spec = spec_of(options, kernel_of(nothing));
  spec.open = true;
  spec.inputs = [](schema::Kernel&, const std::string&) { return bundle::Inputs{{{0, {}}}, {}}; };
  store::Store store(env, folder);
  auto mailbox = std::make_shared<Mailbox>();
  auto workers =
      std::make_unique<host::HeadStart>(env, jobhost_program(), spec.backend, spec.workers, nullptr, mailbox->fd());
  workers->go();  // they start while the job is made
  host::Job job = host::submit(env, store, spec);
  return std::make_unique<LocalPool>(env, std::move(mailbox), std::move(workers), std::move(job), globals);
}

}  // namespace jobhost::api
