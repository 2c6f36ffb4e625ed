#include "context/process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/error.hpp"

namespace jobhost::context {
namespace {

// Core dumps are off in executors, whatever the limit; processes per user are the machine's affair.
constexpr std::pair<int, const char*> kLimits[] = {
    {RLIMIT_STACK, "stack"}, {RLIMIT_NOFILE, "nofile"},   {RLIMIT_AS, "as"},  {RLIMIT_DATA, "data"},
    {RLIMIT_FSIZE, "fsize"}, {RLIMIT_MEMLOCK, "memlock"}, {RLIMIT_CPU, "cpu"}};

std::string in_words(std::uint64_t limit) { return limit == RLIM_INFINITY ? "none" : std::to_string(limit); }

}  // namespace

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

std::uint32_t own_umask() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Umask:")) return static_cast<std::uint32_t>(std::strtoul(line.c_str() + 6, nullptr, 8));
  }
  const mode_t mask = ::umask(077);
  ::umask(mask);
  return mask;
}

unsigned usable_processors() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

void capture_limits(bundle::CallingContext& context) {
  for (const auto& [resource, name] : kLimits) {
    rlimit limit{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0) {
      context.limits.push_back({name, limit.rlim_cur});
    }
  }
}

void restore_limits(const bundle::CallingContext& context) {
  for (const auto& wanted : context.limits) {
    for (const auto& [resource, name] : kLimits) {
      if (wanted.name != name) continue;
      rlimit limit{};
      ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
      if (limit.rlim_cur == wanted.value) continue;
      if (wanted.value <= limit.rlim_max) {
        limit.rlim_cur = wanted.value;
        if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0) continue;
      }
      throw base::Error(base::ExitCode::kPluginRefused,
                        std::string("the limit '") + name + "' was " + in_words(wanted.value) +
                            " at submission, and can be at most " + in_words(limit.rlim_max) + " here",
                        "raise it where workers run, or submit with a lower one (ulimit)");
    }
  }
}

std::optional<std::string> restore_niceness(int niceness) {
  const int here = ::getpriority(PRIO_PROCESS, 0);
  if (here == niceness || ::setpriority(PRIO_PROCESS, 0, niceness) == 0) return std::nullopt;
  return "tasks run with niceness " + std::to_string(here) + ", which was " + std::to_string(niceness) +
         " at submission and may not be lowered here";
}

std::optional<std::string> restore_processors(unsigned processors, unsigned first_lane, unsigned lanes) {
  cpu_set_t here;
  if (processors == 0 || ::sched_getaffinity(0, sizeof here, &here) != 0) return std::nullopt;
  std::vector<int> usable;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &here)) usable.push_back(cpu);
  }
  if (usable.size() < processors) {
    return "processes may use " + std::to_string(usable.size()) + " processors where tasks ran, and " +
           std::to_string(processors) + " at submission: libraries may start other numbers of threads";
  }
  const std::size_t wanted = std::max(processors, lanes);
  if (usable.size() <= wanted) return std::nullopt;
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  for (std::size_t i = 0; i < wanted; ++i) CPU_SET(usable[(first_lane * wanted + i) % usable.size()], &chosen);
  ::sched_setaffinity(0, sizeof chosen, &chosen);
  return std::nullopt;
}

}  // namespace jobhost::context
