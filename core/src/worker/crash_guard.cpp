#include "worker/crash_guard.hpp"

#include <cxxabi.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <typeinfo>

#include "worker/interpose.hpp"

namespace jobhost::worker {
namespace {

// Plain arrays: signal handlers read them.
constexpr std::size_t kMaxModules = 256;
struct Module {
  std::uintptr_t begin, end, bias;
};
Module modules[kMaxModules];
std::size_t module_count = 0;
std::vector<std::string> module_paths;

Lane* fallback_lane = nullptr;
thread_local Lane* thread_lane = nullptr;

/// Where this thread's stack ends, and what is to be said when it is used up: signal handlers cannot ask.
struct StackEnd {
  std::uintptr_t low = 0;  // 0: not known
  char message[80] = "";
};
thread_local StackEnd stack_end;
int guarded_process = 0;

int note_module(dl_phdr_info* info, std::size_t, void*) {
  if (module_count == kMaxModules) return 1;
  Module module{UINTPTR_MAX, 0, info->dlpi_addr};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    module.begin = std::min<std::uintptr_t>(module.begin, info->dlpi_addr + segment.p_vaddr);
    module.end = std::max<std::uintptr_t>(module.end, info->dlpi_addr + segment.p_vaddr + segment.p_memsz);
  }
  modules[module_count++] = module;
  module_paths.emplace_back(info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "executor");
  return 0;
}

store::StackEntry entry_of(std::uintptr_t address) {
  for (std::size_t i = 0; i < module_count; ++i) {
    if (address >= modules[i].begin && address < modules[i].end) {
      return {static_cast<std::uint32_t>(i), address - modules[i].bias};
    }
  }
  return {UINT32_MAX, address};
}

struct Walk {
  std::uintptr_t* addresses;
  std::size_t depth, limit;
  std::uintptr_t floor;
  bool above = false;  // seen a frame above the floor: stacks of a kernel's own may lie anywhere
};

_Unwind_Reason_Code step(_Unwind_Context* context, void* argument) {
  auto* walk = static_cast<Walk*>(argument);
  if (walk->depth == walk->limit) return _URC_END_OF_STACK;
  int before_instruction = 0;
  std::uintptr_t address = _Unwind_GetIPInfo(context, &before_instruction);
  if (address == 0) return _URC_END_OF_STACK;
  const bool above = _Unwind_GetCFA(context) < walk->floor;
  if (walk->above && !above) return _URC_END_OF_STACK;
  walk->above = above;
  // A return address points behind the call; the frame a signal interrupted points at the instruction itself.
  walk->addresses[walk->depth++] = before_instruction ? address : address - 1;
  return _URC_NO_REASON;
}

/// Null in a child that a task forked: what becomes of it is the task's own business.
Lane* lane_to_blame() {
  if (::getpid() != guarded_process) return nullptr;
  Lane* lane = thread_lane ? thread_lane : fallback_lane;
  if (lane) lane->crash_aside.store(thread_lane ? 0 : 1);
  return lane;
}

void record_stack(Lane& lane, const std::uintptr_t* addresses, std::size_t depth) {
  depth = std::min(depth, kMaxStack);
  for (std::size_t i = 0; i < depth; ++i) lane.stack[i] = entry_of(addresses[i]);
  lane.stack_depth.store(static_cast<std::uint32_t>(depth));
}

// Index of the frame that `address` of the signal context belongs to, so that the handler's own frames are left out.
std::size_t frames_to_skip(const std::uintptr_t* addresses, std::size_t depth, std::uintptr_t interrupted) {
  for (std::size_t i = 0; i < depth; ++i) {
    if (addresses[i] == interrupted) return i;
  }
  return 0;
}

void note_stack_end() {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return;
  void* low = nullptr;
  std::size_t size = 0;
  const bool known = ::pthread_attr_getstack(&attributes, &low, &size) == 0;
  ::pthread_attr_destroy(&attributes);
  if (!known) return;
  stack_end.low = reinterpret_cast<std::uintptr_t>(low);
  const bool main = ::gettid() == ::getpid();  // only that one's stack is limited by the shell
  rlimit limit{};
  if (main && ::getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) size = limit.rlim_cur;
  std::snprintf(stack_end.message, sizeof stack_end.message, "stack overflow (%s %.3g MiB%s)",
                main ? "limit" : "its thread has", static_cast<double>(size) / (1 << 20), main ? ": ulimit -s" : "");
}

/// Whether the address is one at which a stack that is used up is extended: frames may be large, and stand close to the
/// end for a pointer that went astray.
bool beyond_stack(std::uintptr_t address) {
  constexpr std::uintptr_t kLargestFrame = 16 << 20, kGuard = 64 << 10;
  return stack_end.low > kLargestFrame && address >= stack_end.low - kLargestFrame && address < stack_end.low + kGuard;
}

/// A task that makes a file larger than `ulimit -f` allows dies of it, as it would have where the job was submitted.
/// For the lane that writes down what came out it is an error like a full disk.
bool is_lanes_own(int signal) {
  return signal == SIGXFSZ && ::getpid() == guarded_process && thread_lane && thread_lane->batch_end.load() == 0;
}

void on_signal(int signal, siginfo_t* info, void* raw_context) {
  if (is_lanes_own(signal)) return;
  static std::atomic<int> entered{0};
  ::signal(signal, SIG_DFL);
  Lane* lane = lane_to_blame();
  if (lane && entered.exchange(1) == 0 && lane->state.load() != LaneState::kCrashed) {
    lane->crash_signal.store(signal);
    if ((signal == SIGSEGV || signal == SIGBUS) && thread_lane &&
        beyond_stack(reinterpret_cast<std::uintptr_t>(info->si_addr))) {
      std::memcpy(lane->message, stack_end.message, sizeof stack_end.message);
    }
    std::uintptr_t addresses[kMaxStack + 16];
    const auto* context = static_cast<ucontext_t*>(raw_context);
    const std::size_t depth = walk_stack(addresses, kMaxStack + 16);
    const auto interrupted = static_cast<std::uintptr_t>(context->uc_mcontext.gregs[REG_RIP]);
    const std::size_t skip = frames_to_skip(addresses, depth, interrupted);
    record_stack(*lane, addresses + skip, depth - skip);
    lane->state.store(LaneState::kCrashed);
  }
  ::raise(signal);
}

void on_terminate() {
  if (Lane* lane = lane_to_blame()) {
    if (const std::type_info* type = abi::__cxa_current_exception_type()) {
      std::strncpy(lane->message_type, type->name(), sizeof lane->message_type - 1);
      try {
        throw;
      } catch (const std::exception& error) {
        std::strncpy(lane->message, error.what(), sizeof lane->message - 1);
      } catch (...) {
      }
    }
    const ThrowSite& site = last_throw_site();
    lane->crash_signal.store(SIGABRT);
    if (site.depth > 0 && lane->message_type[0]) {
      record_stack(*lane, site.addresses, site.depth);
      lane->state.store(LaneState::kCrashed);
    }
  }
  std::abort();
}

}  // namespace

std::size_t walk_stack(std::uintptr_t* addresses, std::size_t limit, std::uintptr_t floor) {
  Walk walk{addresses, 0, limit, floor};
  _Unwind_Backtrace(&step, &walk);
  return walk.depth;
}

void record_modules() {
  module_count = 0;
  module_paths.clear();
  ::dl_iterate_phdr(&note_module, nullptr);
}

const std::vector<std::string>& recorded_modules() { return module_paths; }

void install_crash_guard(Lane* default_lane) {
  fallback_lane = default_lane;
  guarded_process = ::getpid();
  std::uintptr_t warm_up[4];
  walk_stack(warm_up, 4);  // the unwinder allocates on first use, which a signal handler must not
  struct sigaction action {};
  action.sa_sigaction = &on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP, SIGXFSZ})
    ::sigaction(signal, &action, nullptr);
  std::set_terminate(&on_terminate);
  set_exit_observer([](const char* call, int code, const std::uintptr_t* addresses, std::size_t depth) {
    Lane* lane = lane_to_blame();
    if (!lane) return;
    std::snprintf(lane->message, sizeof lane->message, "%s(%d)", call, code);
    record_stack(*lane, addresses, depth);
    lane->state.store(LaneState::kCrashed);
    ::_exit(kKernelExited);
  });
}

void guard_thread(Lane& lane) {
  thread_lane = &lane;
  note_stack_end();
  constexpr std::size_t kSize = 256 << 10;
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;  // a stack overflow then ends the process without a stack in the record
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = kSize;
  ::sigaltstack(&stack, nullptr);
}

std::vector<store::StackEntry> last_throw_stack() {
  const ThrowSite& site = last_throw_site();
  std::vector<store::StackEntry> stack;
  for (std::size_t i = 0; i < site.depth; ++i) stack.push_back(entry_of(site.addresses[i]));
  return stack;
}

}  // namespace jobhost::worker
