#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <ranges>
#include <span>
#include <sstream>
#include <thread>

#include "jobhost/jobhost.hpp"

namespace fs = std::filesystem;

namespace {

/// This process and all that come from it.
std::vector<int> family() {
  std::map<int, int> parents;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid == 0) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    std::getline(stat, text);
    if (text.rfind(')') == std::string::npos) continue;
    std::istringstream rest(text.substr(text.rfind(')') + 2));
    char state;
    int parent;
    if (rest >> state >> parent) parents[pid] = parent;
  }
  std::vector<int> members{static_cast<int>(::getpid())};
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (const auto& [pid, parent] : parents) {
      if (parent == members[i]) members.push_back(pid);
    }
  }
  return members;
}

/// True for a child that has not begun its own program yet: it still has its parent's memory, all of it.
bool is_being_spawned(int pid) {
  std::error_code gone;
  return pid != ::getpid() &&
         fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", gone) == fs::read_symlink("/proc/self/exe", gone);
}

/// A field of smaps_rollup summed over these processes, in MB: "Pss:" counts what several share once.
double memory(const char* field, const std::vector<int>& pids) {
  double kilobytes = 0;
  for (const int pid : pids) {
    if (is_being_spawned(pid)) continue;
    std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
    for (std::string word; rollup >> word;) {
      if (word != field) continue;
      double value = 0;
      rollup >> value;
      kilobytes += value;
      break;
    }
  }
  return kilobytes * 1024 / 1e6;
}

/// Highest proportional memory while this object lives. Of two looks the smaller counts: a look takes a while, and may
/// see memory that one process gives up and then the same again where another takes it.
class PeakMemory {
 public:
  PeakMemory()
      : thread_([this] {
          while (!over_) {
            const double first = memory("Pss:", family()), second = memory("Pss:", family());
            peak_ = std::max(peak_, std::min(first, second));
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
          }
        }) {}
  double stop() {
    over_ = true;
    thread_.join();
    return peak_;
  }

 private:
  std::atomic<bool> over_{false};
  double peak_ = 0;
  std::thread thread_;
};

std::uintmax_t bytes_beneath(const fs::path& folder) {
  std::uintmax_t sum = 0;
  std::error_code gone;
  for (const auto& entry : fs::recursive_directory_iterator(folder, gone)) {
    if (entry.is_regular_file(gone)) sum += entry.file_size(gone);
  }
  return sum;
}

}  // namespace

#ifndef SANITIZED  // which takes memory of its own
TEST_CASE("100 MB of common data are in memory once") {
  constexpr std::size_t kCount = 12'500'000;
  for (const std::string backend : {"processes", "threads"}) {
    PeakMemory peak;
    {
      std::vector<double> table(kCount, 0.5);
      const auto sum = [](std::span<const double> values, std::size_t task) {
        double total = 0;
        for (std::size_t i = task; i < values.size(); i += 1000) total += values[i];
        return total;
      };
      std::size_t seen = 0;
      for (const double value : jobhost::map({.backend = backend, .workers = 2}, sum, jobhost::common(std::move(table)),
                                             std::views::iota(std::size_t{0}, std::size_t{1000}))) {
        REQUIRE(value == 6250);
        ++seen;
      }
      CHECK(seen == 1000);
    }
    const double highest = peak.stop();
    INFO("peak " << highest << " MB on " << backend);
    CHECK(highest > 100);
    CHECK(highest < 130);
  }
}
#endif

TEST_CASE("the front of an endless map leaves no process behind, and its reader may rest without memory growing") {
  const fs::path folder = fs::temp_directory_path() / ("jobhost-test-endless-" + std::to_string(::getpid()));
  fs::create_directory(folder);
  const auto work = [](long x) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    return x;
  };
  for (const std::string kind : {"processes", "threads", "pool"}) {
    INFO(kind);
    {
      std::optional<jobhost::Pool> pool;
      if (kind == "pool") pool.emplace(jobhost::Options{.workers = 2});
      const jobhost::Options options{.backend = kind, .workers = 2, .store = folder};
      auto endless = std::views::iota(0L);
      auto results = pool ? pool->map(work, endless) : jobhost::map(options, work, endless);
      long expected = 0;
      for (const long value : results | std::views::take(1000)) REQUIRE(value == expected++);
      CHECK(expected == 1000);
      // What was computed ahead is bounded: after a while nothing is added any more.
      std::this_thread::sleep_for(std::chrono::milliseconds(800));
      std::uintmax_t stored = 0;
      [[maybe_unused]] double before = 0;
      int looks = 0;
      const auto grows = [&] { return bytes_beneath(folder) > stored + 4096; };
      do {
        stored = bytes_beneath(folder);
        before = memory("Pss_Anon:", family());
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
      } while (grows() && ++looks < 50);
      CHECK_FALSE(grows());
#ifndef SANITIZED  // which keeps what is freed
      CHECK(memory("Pss_Anon:", family()) < before + 2);
#endif
      CHECK(family().size() > 1);
    }
    CHECK(family().size() == 1);
  }
  fs::remove_all(folder);
}
