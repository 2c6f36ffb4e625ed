// Kernels that tell what surrounds them.
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <cfenv>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <locale>
#include <stdexcept>
#include <string>

double alpha = 1;
int changed_by_tasks = 0;
std::string from_initialiser;

std::string working_directory(int) {
  char path[4096];
  return ::getcwd(path, sizeof path) ? path : "";
}

int file_mode_mask(int) {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return static_cast<int>(mask);
}

std::string arguments(int) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string all, word;
  while (std::getline(file, word, '\0')) all += (all.empty() ? "" : "|") + word;
  return all;
}

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "not set";
}

long soft_limit(const std::string& name) {
  rlimit limit{};
  const int resource = name == "stack"    ? RLIMIT_STACK
                       : name == "nofile" ? RLIMIT_NOFILE
                       : name == "fsize"  ? RLIMIT_FSIZE
                       : name == "cpu"    ? RLIMIT_CPU
                                          : RLIMIT_MEMLOCK;
  ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
  return static_cast<long>(limit.rlim_cur);
}

[[gnu::noinline]] static int dig(int depth) {
  volatile char frame[1 << 10];
  frame[0] = 1;
  const int deeper = depth == 0 ? 0 : dig(depth - 1);
  return deeper + (depth == 0 ? 0 : frame[0]);  // read again, so that no loop can be made of it
}
/// Needs so many KiB of stack; run by every lane.
int stack(int kilobytes) { return dig(kilobytes); }

/// Stack of a thread that the kernel starts itself, in KiB.
long thread_stack(int) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  std::size_t size = 0;
  ::pthread_attr_getstacksize(&attributes, &size);
  return static_cast<long>(size >> 10);
}

std::string c_locale(int category) { return std::setlocale(category, nullptr); }
std::string cpp_locale(int) { return std::locale().name(); }

std::string local_time(long seconds) {
  const std::time_t time = seconds;
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M %Z", std::localtime(&time));
  return text;
}

int niceness(int) { return ::getpriority(PRIO_PROCESS, 0); }
int processors(int) {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

double sine(double x) { return std::sin(x); }

double spoil_rounding(int x) {
  volatile double one = 1, divisor = x;
  const double result = one / divisor;
  if (x == 7) std::fesetround(FE_UPWARD);
  return result;
}

double spoil_denormals(int x) {
  volatile double tiny = 1e-310;
  if (x % 2 == 0) _mm_setcsr(_mm_getcsr() | 0x8040);
  return x % 2 == 0 ? x : tiny * x;
}

void double_alpha() { alpha *= 2; }
double alpha_times(double x) { return alpha * x; }
double alpha_grows(double x) {
  alpha += 1;
  return alpha * x;
}

int count_calls(int x) {
  static int calls = 0;
  ++calls;
  changed_by_tasks += x;
  return x;
}

void prepare(const std::string& text, int times = 1) {
  for (int i = 0; i < times; ++i) from_initialiser += text;
  if (text == "bad") throw std::runtime_error("no such table");
}
std::string prepared(int) { return from_initialiser; }

/// Changes what belongs to the process, which later tasks see.
int change_process(int x) {
  if (x == 1) ::setenv("ADDED_BY_A_TASK", "1", 1);
  if (x == 2) ::umask(0);
  if (x == 3 && ::chdir("/") != 0) return -1;
  if (x == 4) std::setlocale(LC_ALL, "C.UTF-8");
  if (x == 5) ::clearenv();
  return x;
}

/// Runs once a file of that name is there.
int after(int x, const std::string& file) {
  while (::access(file.c_str(), F_OK) != 0) ::usleep(2000);
  return x;
}
