#include "worker/surroundings.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "base/trust.hpp"
#include "context/environment.hpp"
#include "context/process.hpp"

namespace jobhost::worker {
namespace {

constexpr const char* kOrders = "JOBHOST_EXECUTOR";
constexpr const char* kLibraryPath = "LD_LIBRARY_PATH";

bool names(const std::string& variable, std::string_view name) {
  return variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=';
}

/// Without what would change which code the loader runs.
std::vector<std::string> own_environment() {
  std::vector<std::string> variables = context::own_environment();
  std::erase_if(variables, [](const std::string& variable) {
    return base::steers_loader(variable.substr(0, variable.find('=')));
  });
  return variables;
}

std::string library_path(const Plan& plan) {
  std::string folders;
  for (const auto& library : plan.libraries) {
    folders += (folders.empty() ? "" : ":") + library.substr(0, library.rfind('/'));
  }
  return folders;
}

/// The context's limit of the stack alone, which holds from the start of a program; nothing where it holds already.
bundle::CallingContext other_stack(const bundle::CallingContext& context) {
  bundle::CallingContext here, other;
  context::capture_limits(here);
  for (const auto& limit : context.limits) {
    if (limit.name == "stack" && std::find(here.limits.begin(), here.limits.end(), limit) == here.limits.end()) {
      other.limits.push_back(limit);
    }
  }
  return other;
}

}  // namespace

void forbid_core_dumps() {
  const char* asked = std::getenv("JOBHOST_CORE_DUMPS");
  if (asked && *asked) return;
  // One byte: no file is that small, and a core_pattern that pipes to a program disregards 0, but not 1.
  const rlimit no_core{1, 1};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

Surroundings surroundings_of(const bundle::CallingContext& context, const Plan& plan) {
  Surroundings wanted{context.arguments, own_environment()};
  wanted.environment.insert(wanted.environment.end(), plan.secrets.begin(), plan.secrets.end());
  if (context.whole) wanted.environment = context::restored_environment(context, wanted.environment);
  if (wanted.arguments.empty()) wanted.arguments = {"jobhost-executor"};
  if (!plan.libraries.empty()) wanted.environment.push_back(std::string(kLibraryPath) + "=" + library_path(plan));
  return wanted;
}

std::vector<std::string> secrets_of(const bundle::CallingContext& context) {
  std::vector<std::string> secrets;
  for (const auto& variable : own_environment()) {
    const auto is_it = [&](const std::string& name) { return names(variable, name); };
    if (std::any_of(context.secret.begin(), context.secret.end(), is_it)) secrets.push_back(variable);
  }
  return secrets;
}

Surroundings probable_surroundings(std::vector<std::string> arguments) {
  bundle::CallingContext context;
  context.whole = true;
  context.arguments = std::move(arguments);
  context::capture_environment(own_environment(), {}, context);
  return surroundings_of(context, {});
}

std::string orders_variable(const std::vector<std::string>& orders) {
  std::string variable = std::string(kOrders) + "=";
  for (std::size_t i = 0; i < orders.size(); ++i) variable += (i > 0 ? "\n" : "") + orders[i];
  return variable;
}

std::vector<std::string> take_orders() {
  std::vector<std::string> orders;
  const char* text = std::getenv(kOrders);
  for (std::string rest = text ? text : ""; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    orders.push_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  ::unsetenv(kOrders);
  return orders;
}

void start_again_unless_surrounded(const bundle::CallingContext& context, const Plan& plan,
                                   const std::vector<std::string>& orders) {
  constexpr std::string_view kAgain = "again";
  Surroundings wanted = surroundings_of(context, plan), here{context::own_arguments(), context::own_environment()};
  if (!context.whole) here.arguments = wanted.arguments;  // nobody knows what they were
  std::sort(wanted.environment.begin(), wanted.environment.end());
  std::sort(here.environment.begin(), here.environment.end());
  const auto stack = other_stack(context);
  // The loader has read it; kernels and their children are not to see it.
  if ((wanted == here && stack.limits.empty()) || orders.back() == kAgain) return void(::unsetenv(kLibraryPath));
  context::restore_limits(stack);
  auto orders_again = orders;
  orders_again.emplace_back(kAgain);
  wanted.environment.push_back(orders_variable(orders_again));
  std::vector<char*> arguments, variables;
  for (auto& word : wanted.arguments) arguments.push_back(word.data());
  for (auto& variable : wanted.environment) variables.push_back(variable.data());
  arguments.push_back(nullptr);
  variables.push_back(nullptr);
  char program[PATH_MAX] = {};  // by its own name, which the kernel shows for the process
  if (::readlink("/proc/self/exe", program, sizeof program - 1) > 0) {
    ::execve(program, arguments.data(), variables.data());
  }
  throw base::Error(base::ExitCode::kBackendFailed, std::string("cannot start again: ") + std::strerror(errno));
}

}  // namespace jobhost::worker
