/// The options of sanitizers, compiled in: executors see the environment of whoever submitted, not that of the tests.
/// Reports go to files, because workers are replaced and what they print is kept with their jobs; run.sh looks for
/// them. Kernels that crash do so as without sanitizers.
#include <cstdio>

#define OPTIONS(sanitizer, options)                                                                       \
  extern "C" __attribute__((visibility("default"), used)) const char* __##sanitizer##_default_options() { \
    return "log_path=" JOBHOST_REPORTS "/" #sanitizer                                                     \
           ":handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"                                              \
           "handle_sigill=0:handle_abort=0:disable_coredump=0:allocator_may_return_null=1:" options;      \
  }

OPTIONS(asan, "verify_asan_link_order=0")
OPTIONS(ubsan, "halt_on_error=1:print_stacktrace=1")
OPTIONS(tsan, "halt_on_error=1")

/// TBB is not instrumented: how it hands a task over to a thread is not seen.
extern "C" __attribute__((visibility("default"), used)) const char* __tsan_default_suppressions() {
  return "race_top:tbb_lanes.cpp\n";
}

/// Leaks cannot be looked for in a process that another one traces.
extern "C" __attribute__((visibility("default"), used)) int __lsan_is_turned_off() {
  int tracer = 0;
  if (FILE* status = std::fopen("/proc/self/status", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, status) && std::sscanf(line, "TracerPid: %d", &tracer) != 1) {
    }
    std::fclose(status);
  }
  return tracer != 0;
}
