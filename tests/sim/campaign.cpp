#include "sim/campaign.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace jobhost::test {
namespace {

struct Options {
  std::uint64_t seeds = 0, first = 1, jobs = 1;
  double minutes = 1e9;
};

Options parse(int argc, char** argv, std::uint64_t usual_seeds) {
  Options options;
  options.seeds = usual_seeds;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--seeds") {
      options.seeds = std::strtoull(value, nullptr, 10);
    } else if (name == "--first") {
      options.first = std::strtoull(value, nullptr, 10);
    } else if (name == "--jobs") {
      options.jobs = std::strtoull(value, nullptr, 10);
    } else if (name == "--minutes") {
      options.minutes = std::strtod(value, nullptr);
    } else {
      std::fprintf(stderr, "usage: %s [--seeds N] [--first S] [--minutes M] [--jobs J]\n", argv[0]);
      std::exit(2);
    }
  }
  return options;
}

/// Every jobs-th seed, written to `out` as lines of name and number.
void run_seeds(const Options& options, std::uint64_t job, const std::function<void(std::uint64_t, Counts&)>& one,
               std::FILE* out) {
  const auto begin = std::chrono::steady_clock::now();
  Counts counts;
  for (std::uint64_t i = job; i < options.seeds; i += options.jobs) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    if (spent.count() > options.minutes * 60) break;
    const std::uint64_t seed = options.first + i;
    try {
      ++counts["seeds"];
      one(seed, counts);
    } catch (const std::exception& error) {
      ++counts["failed seeds"];
      std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed), error.what());
    }
  }
  for (const auto& [name, count] : counts) {
    std::fprintf(out, "%llu %s\n", static_cast<unsigned long long>(count), name.c_str());
  }
  std::fflush(out);
}

}  // namespace

int run_campaign(int argc, char** argv, const char* name, std::uint64_t usual_seeds,
                 const std::function<void(std::uint64_t, Counts&)>& one, const Counts& least) {
  const Options options = parse(argc, argv, usual_seeds);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::FILE*> reports;
  bool broken = false;
  for (std::uint64_t job = 0; job < options.jobs; ++job) {
    std::FILE* const report = std::tmpfile();
    reports.push_back(report);
    if (::fork() == 0) {
      run_seeds(options, job, one, report);
      ::_exit(0);
    }
  }
  int status = 0;
  while (::wait(&status) > 0) broken |= status != 0;
  Counts counts;
  for (std::FILE* const report : reports) {
    std::rewind(report);
    unsigned long long count = 0;
    char what[128];
    while (std::fscanf(report, "%llu %127[^\n]", &count, what) == 2) counts[what] += count;
    std::fclose(report);
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  const std::uint64_t seeds = counts["seeds"], failed = counts["failed seeds"];
  std::printf("%s: seeds %llu to %llu, %.1f s, %.0f seeds/s\n", name, static_cast<unsigned long long>(options.first),
              static_cast<unsigned long long>(options.first + options.seeds - 1), spent.count(),
              static_cast<double>(seeds) / spent.count());
  for (const auto& [what, count] : counts) {
    std::printf("  %12llu %s\n", static_cast<unsigned long long>(count), what.c_str());
  }
  // Few seeds are for looking at one of them again.
  for (const auto& [what, per_thousand] : least) {
    if (seeds < 100 || counts[what] * 1000 >= per_thousand * seeds) continue;
    std::printf("too little of '%s': at least %llu per 1000 seeds are expected\n", what.c_str(),
                static_cast<unsigned long long>(per_thousand));
    broken = true;
  }
  if (failed > 0) std::printf("%s: %llu seeds failed\n", name, static_cast<unsigned long long>(failed));
  return failed > 0 || broken ? 1 : 0;
}

}  // namespace jobhost::test
