#include "backend/allocation.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace jobhost::backend {
namespace {

constexpr unsigned long kMost = 1'000'000;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// 0 for anything else than a number.
unsigned number(const std::string& text) {
  return static_cast<unsigned>(std::min(std::strtoul(text.c_str(), nullptr, 10), kMost));
}

/// The sum of "8(x3),4": three nodes with 8 processors and one with 4.
unsigned sum(const std::string& text) {
  unsigned long total = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const std::size_t times = part.find("(x");
    total += 1ul * number(part) * (times == std::string::npos ? 1 : number(part.substr(times + 2)));
    begin = end + 1;
  }
  return static_cast<unsigned>(std::min(total, kMost));
}

}  // namespace

bool in_allocation() {
  if (variable("SLURM_JOB_ID").empty()) return false;
  return variable("SLURM_ARRAY_TASK_ID").empty() || !variable("SLURM_JOB_NAME").starts_with("jobhost-");
}

unsigned allocated_lanes_per_task() { return std::max(1u, number(variable("SLURM_CPUS_PER_TASK"))); }

unsigned allocated_lanes() {
  if (!in_allocation()) return 0;
  const unsigned tasks = number(variable("SLURM_NTASKS"));
  return tasks > 0 ? tasks * allocated_lanes_per_task() : std::max(1u, sum(variable("SLURM_JOB_CPUS_PER_NODE")));
}

}  // namespace jobhost::backend
