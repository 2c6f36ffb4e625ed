#include "worker/interpose.hpp"

#include <dlfcn.h>

#include <typeinfo>

namespace jobhost::worker {
namespace {

thread_local ThrowSite site;
thread_local std::uintptr_t throw_floor = UINTPTR_MAX;
ExitObserver exit_observer = nullptr;
LookupObserver lookup_observer = nullptr;

// The interposed function's own frame and walk_stack's are not part of the story.
constexpr std::size_t kOwnFrames = 2;

void observe_exit(const char* call, int code) {
  if (!exit_observer) return;
  std::uintptr_t addresses[ThrowSite::kMaxDepth];
  const std::size_t depth = walk_stack(addresses, ThrowSite::kMaxDepth);
  const std::size_t skip = depth > kOwnFrames + 1 ? kOwnFrames + 1 : 0;
  exit_observer(call, code, addresses + skip, depth - skip);
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

const ThrowSite& last_throw_site() { return site; }
void set_throw_floor(const void* frame) { throw_floor = reinterpret_cast<std::uintptr_t>(frame); }
void set_exit_observer(ExitObserver observer) { exit_observer = observer; }
void set_lookup_observer(LookupObserver observer) { lookup_observer = observer; }

}  // namespace jobhost::worker

using namespace jobhost::worker;

extern "C" {

__attribute__((visibility("default"), noinline)) void __cxa_throw(void* object, std::type_info* type,
                                                                  void (*destroy)(void*)) {
  static auto* const next = real<void(void*, std::type_info*, void (*)(void*))>("__cxa_throw");
  std::uintptr_t addresses[ThrowSite::kMaxDepth + kOwnFrames];
  const std::size_t depth = walk_stack(addresses, ThrowSite::kMaxDepth + kOwnFrames, throw_floor);
  site.depth = 0;
  for (std::size_t i = kOwnFrames; i < depth; ++i) site.addresses[site.depth++] = addresses[i];
  next(object, type, destroy);
  __builtin_unreachable();
}

__attribute__((visibility("default"), noinline)) void exit(int code) {
  observe_exit("exit", code);
  real<void(int)>("exit")(code);
  __builtin_unreachable();
}

__attribute__((visibility("default"), noinline)) void quick_exit(int code) noexcept {
  observe_exit("quick_exit", code);
  real<void(int)>("quick_exit")(code);
  __builtin_unreachable();
}

__attribute__((visibility("default"))) char* getenv(const char* name) {
  static auto* const next = real<char*(const char*)>("getenv");
  char* const value = next(name);
  if (!value && lookup_observer) lookup_observer(name);
  return value;
}

__attribute__((visibility("default"))) char* secure_getenv(const char* name) {
  static auto* const next = real<char*(const char*)>("secure_getenv");
  char* const value = next(name);
  if (!value && lookup_observer) lookup_observer(name);
  return value;
}

}  // extern "C"
