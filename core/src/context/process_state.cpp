#include "context/process_state.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "context/environment.hpp"
#include "context/locale.hpp"
#include "context/process.hpp"

namespace jobhost::context {
namespace {

std::vector<bool> own_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return {};
  std::vector<bool> processors;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) processors.push_back(CPU_ISSET(cpu, &set));
  return processors;
}

std::string name_of(const std::string& variable) { return variable.substr(0, variable.find('=', 1)); }

/// The name of a variable that only one of them has with that value; "" for none.
std::string differing(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> only;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(only));
  return only.empty() ? "" : name_of(only.front());
}

}  // namespace

ProcessState ProcessState::current() {
  ProcessState state;
  char here[PATH_MAX];
  state.working_directory = ::getcwd(here, sizeof here) ? here : "";
  state.umask = own_umask();
  state.niceness = ::getpriority(PRIO_PROCESS, 0);
  if (environ) state.environment = own_environment();  // clearenv() leaves none
  // LLVM's OpenMP notes there that it is in use.
  std::erase_if(state.environment, [](const std::string& variable) { return variable.starts_with("__KMP_"); });
  std::sort(state.environment.begin(), state.environment.end());
  bundle::CallingContext context;
  capture_limits(context);
  for (const auto& limit : context.limits) {
    if (limit.name != "data") state.limits.push_back(limit.name + " " + std::to_string(limit.value));  // it is --mem's
  }
  capture_locale(context);
  for (const auto& [category, name] : context.locale) state.locale.push_back(name);
  state.locale.push_back(context.cpp_locale);
  state.processors = own_processors();
  return state;
}

std::string ProcessState::against(const ProcessState& before) const {
  std::vector<std::string> changed;
  if (working_directory != before.working_directory) changed.emplace_back("the working directory");
  if (umask != before.umask) changed.emplace_back("the umask");
  if (const auto name = differing(before.environment, environment); !name.empty()) {
    changed.push_back("the environment (" + name + ")");
  }
  if (locale != before.locale) changed.emplace_back("the locale");
  if (limits != before.limits) changed.emplace_back("limits");
  if (niceness != before.niceness) changed.emplace_back("the niceness");
  if (processors != before.processors) changed.emplace_back("the processors that may be used");
  std::string text;
  for (std::size_t i = 0; i < changed.size(); ++i) {
    text += (i == 0 ? "" : i + 1 < changed.size() ? ", " : " and ") + changed[i];
  }
  return text;
}

}  // namespace jobhost::context
