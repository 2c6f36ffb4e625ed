#include "api/local_pool.hpp"

#include <algorithm>
#include <cstring>

#include "api/pool_map.hpp"
#include "api/program.hpp"
#include "api/shared_region.hpp"
#include "backend/backend.hpp"
#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "store/result_arena.hpp"

namespace jobhost::api {
namespace {

using detail::Column;
using store::Mailbox;
using store::Place;
using store::RequestColumn;
using store::TaskState;

constexpr std::uint64_t kLookNs = 50'000'000;  // after the workers, while waiting
constexpr std::uint64_t kLarge = 1024;         // bytes; larger values of a call are sent once

class Call : public detail::PoolTask {
 public:
  Call(std::shared_ptr<LocalPool> pool, std::shared_ptr<Posted> posted)
      : pool_(std::move(pool)), posted_(std::move(posted)) {}
  ~Call() override { pool_->release(posted_); }

  std::uint64_t number() const override { return posted_->request.first; }
  bool ready() override { return pool_->ready(*posted_); }
  detail::Outcome end() override {
    return in_users_words([&] {
      pool_->pin(*posted_);
      const auto& request = posted_->request;
      if (posted_->state(0) == TaskState::kFailed) {
        failure_ = pool_->failure_of(*posted_, 0);
        return detail::Outcome{request.first, nullptr, 0, &failure_};
      }
      if (!request.by_place) return detail::Outcome{request.first, posted_->results(), request.result_size, nullptr};
      const Place& place = posted_->place(0);
      return detail::Outcome{request.first, pool_->mailbox().memory().at(place.offset, place.size), place.size,
                             nullptr};
    });
  }

 private:
  std::shared_ptr<LocalPool> pool_;
  std::shared_ptr<Posted> posted_;
  detail::Failure failure_;
};

}  // namespace

LocalPool::LocalPool(base::Env& env, std::shared_ptr<Mailbox> mailbox, std::unique_ptr<host::HeadStart> workers,
                     host::Job job, const std::string& globals, Options options)
    : env_(env),
      job_(std::move(job)),
      options_(std::move(options)),
      code_(std::make_shared<JobCode>(job_, true)),
      mailbox_(std::move(mailbox)) {
  for (unsigned slot = Mailbox::kSlots; slot-- > 0;) free_slots_.push_back(slot);
  base::Bytes encoded;
  base::append_text(encoded, globals);
  globals_ = std::make_shared<SharedRegion>(env_, mailbox_, job_.directory.inputs(),
                                            detail::Value{std::string(base::as_text(encoded))});
  workers_ = std::make_unique<host::Workers>(env_, job_, std::move(workers));
}

LocalPool::~LocalPool() {
  workers_->stop(true);
  workers_.reset();
  pass_on_notes(env_, job_, options_);
}

std::shared_ptr<detail::SharedValue> LocalPool::share(const detail::Value& value) {
  return in_users_words([&] { return std::make_shared<SharedRegion>(env_, mailbox_, job_.directory.inputs(), value); });
}

std::unique_ptr<detail::PoolTask> LocalPool::post(detail::Call call) {
  return in_users_words([&] {
    const auto prepared = prepare(std::move(call));
    auto columns = prepared->columns;
    return std::make_unique<Call>(shared_from_this(), post(prepared, columns, 1));
  });
}

std::unique_ptr<detail::Job> LocalPool::map(detail::Call call, std::unique_ptr<detail::Feed> feed,
                                            std::optional<std::uint64_t> tasks, bool in_order, std::stop_token stop) {
  return in_users_words([&] {
    return std::make_unique<PoolMap>(shared_from_this(), prepare(std::move(call)), std::move(feed), tasks, in_order,
                                     std::move(stop));
  });
}

std::shared_ptr<const PreparedCall> LocalPool::prepare(detail::Call call) {
  auto prepared = std::make_shared<PreparedCall>();
  prepared->entry = offset_in_program(reinterpret_cast<const void*>(call.entry));
  prepared->columns.resize(call.columns.size());
  for (std::size_t i = 0; i < call.columns.size(); ++i) {
    Column& column = call.columns[i];
    RequestColumn& sent = prepared->columns[i].column;
    if (column.from == Column::From::kGlobals) column.shared = globals_;
    if (column.from == Column::From::kValue && (column.value.write || column.value.bytes.size() > kLarge)) {
      column.shared = share(column.value);
      column.value = {};
    }
    if (column.shared) {
      sent = static_cast<const SharedRegion&>(*column.shared).column();
    } else if (column.from == Column::From::kValue) {
      sent = {RequestColumn::Kind::kConstant, 0, 0, column.value.bytes.size()};
    } else if (column.from == Column::From::kTask) {
      sent = {RequestColumn::Kind::kRange, sizeof(std::uint64_t), 0, 0};
    } else if (column.from == Column::From::kRange) {
      sent = {RequestColumn::Kind::kRange, static_cast<std::uint32_t>(column.width), column.start, 0};
    }
  }
  prepared->call = std::move(call);
  for (std::size_t i = 0; i < prepared->columns.size(); ++i) {
    const Column& column = prepared->call.columns[i];
    if (!column.shared && column.from == Column::From::kValue) {
      prepared->columns[i].bytes = base::as_bytes(column.value.bytes);
    }
  }
  return prepared;
}

std::shared_ptr<Posted> LocalPool::post(std::shared_ptr<const PreparedCall> call,
                                        std::vector<store::Request::Column>& columns, std::uint64_t count) {
  auto posted = std::make_shared<Posted>();
  std::unique_lock lock(mutex_);
  const unsigned slot = free_slot(lock);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (call->call.columns[i].from == Column::From::kTask) columns[i].column.data = next_;
  }
  mailbox_->post(slot, {call->entry, call->call.result_size, next_, count, columns});
  next_ += count;
  posted->call = std::move(call);
  posted->slot = slot;
  posted->request = mailbox_->view(slot);
  posted->body = mailbox_->memory().at(posted->request.body, posted->request.body_size);
  in_slots_[slot] = posted;
  return posted;
}

/// A slot that nothing is in; finished requests that nobody reads now make room.
unsigned LocalPool::free_slot(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    const std::uint32_t seen = mailbox_->replies();
    std::erase_if(given_up_, [this](const auto& posted) {
      const bool over = ended_of(*posted) == posted->request.count;
      if (over) let_go(*posted);
      return over;
    });
    unsigned half_read = 0;
    for (unsigned slot = 0; free_slots_.empty() && slot < Mailbox::kSlots; ++slot) {
      Posted* const posted = in_slots_[slot].get();
      if (!posted || ended_of(*posted) < posted->request.count) continue;
      if (posted->pinned) {
        ++half_read;
      } else {
        move_out(*posted);
      }
    }
    if (half_read == Mailbox::kSlots) {
      throw base::Error(base::ExitCode::kBackendFailed,
                        std::to_string(half_read) + " maps of the pool have been read in part",
                        "read them to their end, or let go of some");
    }
    if (!free_slots_.empty()) {
      const unsigned slot = free_slots_.back();
      free_slots_.pop_back();
      return slot;
    }
    look_after_workers(seen);
    lock.unlock();
    mailbox_->wait_reply(seen, kLookNs);
    lock.lock();
  }
}

std::uint64_t LocalPool::ended(Posted& posted) {
  const std::lock_guard lock(mutex_);
  return ended_of(posted);
}

std::uint64_t LocalPool::ended_of(Posted& posted) const {
  const auto& request = posted.request;
  if (posted.all_ended) return request.count;
  const std::uint64_t ended = store::count_ended(posted.body + (request.states - request.body), request.count);
  posted.all_ended = ended == request.count;
  return ended;
}

bool LocalPool::ready(const Posted& posted) {
  const std::lock_guard lock(mutex_);
  return posted.state(0) != TaskState::kPosted;
}

void LocalPool::pin(Posted& posted) {
  const std::lock_guard lock(mutex_);
  posted.pinned = true;
}

bool LocalPool::pin_if_more(Posted& posted, std::uint64_t given) {
  const std::lock_guard lock(mutex_);
  return posted.pinned = ended_of(posted) > given;
}

void LocalPool::release(const std::shared_ptr<Posted>& posted) {
  const std::lock_guard lock(mutex_);
  posted->pinned = false;
  if (ended_of(*posted) == posted->request.count) return let_go(*posted);
  mailbox_->cancel(posted->slot);
  given_up_.push_back(posted);
}

/// Gives back what a finished request holds.
void LocalPool::let_go(Posted& posted) {
  const auto& request = posted.request;
  const Place* last = nullptr;
  std::uint64_t run = 0;
  const auto forget = [&] {
    if (last) mailbox_->block(*last).live.fetch_sub(run, std::memory_order_release);
  };
  for (std::uint64_t i = 0; i < request.count; ++i) {
    if (!request.by_place && posted.state(i) != TaskState::kFailed) continue;
    const Place& place = posted.place(i);
    if (place.block == Place::kNowhere) continue;
    if (!last || place.lane != last->lane || place.block != last->block) {
      forget();
      last = &place;
      run = 0;
    }
    ++run;
  }
  forget();
  if (posted.slot == Mailbox::kSlots) return;
  mailbox_->free(posted.slot);
  free_slots_.push_back(posted.slot);
  std::shared_ptr<Posted> gone = std::move(in_slots_[posted.slot]);
  posted.slot = Mailbox::kSlots;
}

void LocalPool::move_out(Posted& posted) {
  auto& request = posted.request;
  posted.moved_body.assign(posted.body, posted.body + request.body_size);
  posted.body = posted.moved_body.data();
  posted.moved_columns.assign(request.columns.begin(), request.columns.end());
  request.columns = posted.moved_columns;
  mailbox_->free(posted.slot);
  free_slots_.push_back(posted.slot);
  in_slots_[posted.slot].reset();
  posted.slot = Mailbox::kSlots;
}

std::size_t LocalPool::wait_any(std::span<detail::PoolTask* const> tasks, std::uint64_t nanoseconds) {
  return in_users_words([&] {
    const std::uint64_t begin = nanoseconds == UINT64_MAX ? 0 : env_.monotonic_ns();
    for (;;) {
      const std::uint32_t seen = mailbox_->replies();
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (tasks[i] && tasks[i]->ready()) return i;
      }
      const std::uint64_t waited = nanoseconds == UINT64_MAX ? 0 : env_.monotonic_ns() - begin;
      if (waited >= nanoseconds) return tasks.size();
      wait(seen, nanoseconds - waited);
    }
  });
}

void LocalPool::wait(std::uint32_t seen, std::uint64_t nanoseconds) {
  {
    const std::lock_guard lock(mutex_);
    look_after_workers(seen);
  }
  mailbox_->wait_reply(seen, std::min(nanoseconds, kLookNs));
}

void LocalPool::look_after_workers(std::uint32_t seen) {
  const std::uint64_t now = env_.monotonic_ns();
  if (now - last_look_ <= kLookNs) return;
  last_look_ = now;
  if (!workers_->running(seen)) {
    throw base::Error(base::ExitCode::kBackendFailed, "the workers of the pool ended", "make a new one");
  }
}

/// The arguments of one task; `numbers` keeps those that are made here.
std::vector<jobhost_column> LocalPool::columns_of(const Posted& posted, std::uint64_t index,
                                                  std::vector<std::uint64_t>& numbers) {
  std::vector<jobhost_column> columns;
  const auto& request = posted.request;
  numbers.reserve(request.columns.size());
  for (const auto& column : request.columns) {
    if (column.kind == RequestColumn::Kind::kRange) {
      numbers.push_back(column.data + index);
      columns.push_back({reinterpret_cast<const unsigned char*>(&numbers.back()), nullptr, 0, column.width});
      continue;
    }
    if (column.kind == RequestColumn::Kind::kFile) {
      columns.push_back({nullptr, nullptr, 0, column.size});  // too large to be shown
      continue;
    }
    const bool in_body = column.data - request.body < request.body_size;
    const unsigned char* data =
        in_body ? posted.body + (column.data - request.body) : mailbox_->memory().at(column.data, column.size);
    if (column.kind == RequestColumn::Kind::kConstant) {
      columns.push_back({data, nullptr, 0, column.size});
    } else if (column.kind == RequestColumn::Kind::kFixed) {
      columns.push_back({data + index * column.width, nullptr, column.width, column.width});
    } else {
      columns.push_back({data + 8 * (request.count + 1), reinterpret_cast<const std::uint64_t*>(data) + index, 0, 0});
    }
  }
  return columns;
}

detail::Failure LocalPool::failure_of(const Posted& posted, std::uint64_t index) {
  auto [failure, place] = store::read_failure(*mailbox_, posted.place(index));
  std::vector<std::uint64_t> numbers;
  const auto columns = columns_of(posted, index, numbers);
  const std::lock_guard lock(mutex_);
  auto& modules = modules_[place.offset];
  if (!modules) modules = std::make_shared<const std::vector<std::string>>(store::read_modules(*mailbox_, place));
  return told(code_, posted.request.first + index, std::move(failure), modules,
              {[call = posted.call] { return kernel_of(call->call); }, detail::kOwnColumns, columns});
}

std::shared_ptr<LocalPool> make_local_pool(base::Env& env, const std::string& folder, const std::string& globals,
                                           const Options& options) {
  const detail::Call nothing{[] { return std::string("pool"); }, nullptr, [] { return std::string("\"void\""); }, {}};
  host::JobSpec spec = spec_of(options, kernel_of(nothing), globals);
  if (!backend::is_local(options.backend)) {
    throw std::invalid_argument(
        "a pool, and a map without a store, live in this machine's memory: their backend is "
        "processes or threads, not " +
        options.backend + "; Options::store names a directory that all machines see");
  }
  spec.open = true;
  spec.inputs = [](schema::Kernel&, const std::string&) { return bundle::Inputs{{{0, {}}}, {}}; };
  store::Store store(env, folder);
  auto mailbox = std::make_shared<Mailbox>();
  auto workers = std::make_unique<host::HeadStart>(env, jobhost_program(), backend::Choice{spec.backend}, spec.workers,
                                                   nullptr, mailbox->fd());
  workers->go();  // they start while the job is made
  host::Job job = host::submit(env, store, spec);
  return std::make_shared<LocalPool>(env, std::move(mailbox), std::move(workers), std::move(job), globals, options);
}

}  // namespace jobhost::api
