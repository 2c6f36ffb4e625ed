#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "backend/backend.hpp"

namespace jobhost::backend {

/// A peer of the real backends for tests: workers are threads of this process that run `work`, which gets the command
/// and the number of stop requests so far. Workers may be made to vanish: `work` returns false, and counts as killed.
class Simulated : public Backend {
 public:
  using Work = std::function<bool(const WorkerCommand&, unsigned lanes, const std::atomic<int>& stop_requests)>;
  explicit Simulated(Work work) : work_(std::move(work)) {}
  ~Simulated() override;

  std::string name() const override { return "fake"; }
  std::string plan(const WorkerCommand&, unsigned) override { return {}; }
  void prepare(const WorkerCommand&, unsigned) override {}
  void start(const WorkerCommand& command, unsigned lanes) override;
  Status look(std::uint64_t progress) override;
  void stop(bool now) override;

 private:
  Work work_;
  WorkerCommand command_;
  unsigned lanes_ = 0, restarts_ = 0;
  std::thread thread_;
  std::atomic<int> stop_requests_{0};
  std::atomic<int> state_{0};  // 0 none, 1 running, 2 ended, 3 vanished
};

}  // namespace jobhost::backend
