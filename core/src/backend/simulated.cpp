#include "backend/simulated.hpp"

namespace jobhost::backend {

Simulated::~Simulated() {
  stop(true);
  if (thread_.joinable()) thread_.join();
}

void Simulated::start(const WorkerCommand& command, unsigned lanes) {
  command_ = command;
  lanes_ = lanes;
  state_ = 1;
  thread_ = std::thread([this] { state_ = work_(command_, lanes_, stop_requests_) ? 2 : 3; });
}

Status Simulated::look(std::uint64_t) {
  if (state_ == 2 || state_ == 3) {
    thread_.join();
    const bool vanished = state_.exchange(0) == 3;
    if (vanished && stop_requests_ == 0) {
      ++restarts_;
      start(command_, lanes_);
    }
  }
  return {state_ == 1 ? 1u : 0u, restarts_, 0};
}

void Simulated::stop(bool now) { stop_requests_ += now ? 2 : 1; }

}  // namespace jobhost::backend
