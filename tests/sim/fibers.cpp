#include "sim/fibers.hpp"

namespace jobhost::test {
namespace {

constexpr std::size_t kStack = 256 << 10;

}  // namespace

void Fibers::start(std::uint64_t time, std::function<void()> program) {
  fibers_.push_back(std::make_unique<Fiber>());
  fibers_.back()->program = std::move(program);
  events_.push({time, events_made_++, fibers_.back().get()});
}

/// makecontext() passes on numbers of the size of int only.
void Fibers::enter(unsigned high, unsigned low) {
  auto* const self = reinterpret_cast<Fibers*>(static_cast<std::uintptr_t>(high) << 32 | low);
  try {
    self->running_->program();
  } catch (...) {
    self->failure_ = std::current_exception();
  }
  self->running_->ended = true;
}

void Fibers::run() {
  while (!events_.empty() && !failure_) {
    const Event event = events_.top();
    events_.pop();
    world_.now = std::max(world_.now, event.time);
    running_ = event.fiber;
    if (!running_->stack) {
      running_->stack = std::make_unique_for_overwrite<char[]>(kStack);
      ::getcontext(&running_->context);
      running_->context.uc_stack.ss_sp = running_->stack.get();
      running_->context.uc_stack.ss_size = kStack;
      running_->context.uc_link = &scheduler_;
      const auto self = reinterpret_cast<std::uintptr_t>(this);
      ::makecontext(&running_->context, reinterpret_cast<void (*)()>(&Fibers::enter), 2,
                    static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
    }
    ::swapcontext(&scheduler_, &running_->context);
    if (running_->ended) {
      running_->program = nullptr;
      running_->stack.reset();
    }
  }
  if (failure_) std::rethrow_exception(failure_);
}

void Fibers::sleep_until(std::uint64_t time) {
  // Nobody else is to run before.
  if (events_.empty() || events_.top().time > time) {
    world_.now = std::max(world_.now, time);
    return;
  }
  Fiber* const self = running_;
  events_.push({time, events_made_++, self});
  ::swapcontext(&self->context, &scheduler_);
}

}  // namespace jobhost::test
