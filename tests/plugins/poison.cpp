// One kernel whose tasks are harmful in many ways, each of them told by its argument: for tests/fault/poison.py.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static void doze() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

static int deep(int n) {
  volatile char fill[100'000];
  fill[0] = static_cast<char>(n);
  return n == 0 ? 0 : deep(n + 1) + fill[0];
}

static void complain() { throw std::logic_error("left a noexcept function"); }
static void leave_noexcept() noexcept { complain(); }

static void crash(const std::string& how) {
  if (how == "null") *static_cast<volatile int*>(nullptr) = 1;
  if (how == "abort") std::abort();
  if (how == "exit") std::exit(3);
  if (how == "_exit") ::_exit(4);
  if (how == "overflow") deep(1);
  if (how == "terminate") leave_noexcept();
  if (how == "kill") ::kill(::getpid(), SIGKILL);
  if (how == "alarm") ::kill(::getpid(), SIGALRM);
  if (how == "close") ::close_range(3, ~0U, 0);
  for (int fd = 3; how == "scribble" && fd < 100; ++fd) {
    if (::write(fd, "junk", 4) < 0) continue;  // most are not open
  }
  for (int fd = 3; how == "cut" && fd < 100; ++fd) {
    if (::ftruncate(fd, 0) < 0) continue;
  }
  if (how == "free") {
    void* volatile memory = std::malloc(100);
    std::free(memory);
    std::free(memory);
  }
  if (how == "thread") {
    std::thread([] { *static_cast<volatile int*>(nullptr) = 1; }).join();
  }
  if (how == "masked") {  // nothing but the end of the process tells
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
  }
}

static void hang(const std::string& how) {
  if (how == "deaf") {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
  }
  if (how == "slow") {  // exhausts its processor time
    rlimit time{};
    ::getrlimit(RLIMIT_CPU, &time);
    time.rlim_cur = 1;
    ::setrlimit(RLIMIT_CPU, &time);
  }
  while (how == "hang" || how == "deaf") doze();
  volatile bool forever = how == "busy" || how == "slow";
  while (forever) {
  }
}

static std::size_t eat(const std::string& how) {
  std::size_t eaten = 0;
  if (how == "vector") {
    for (std::vector<std::vector<char>> food;; eaten += food.back().size()) food.emplace_back(1 << 20, 'x');
  }
  while (how == "malloc") static_cast<volatile char*>(std::malloc(16 << 20))[0] = 1;
  return eaten;
}

// What others must not suffer from; the task itself ends well.
static void trouble(const std::string& how) {
  if (how == "forks") {
    for (int i = 0; i < 4; ++i) {
      const pid_t child = ::fork();
      if (child == 0) i % 2 ? std::exit(i) : std::abort();
      ::waitpid(child, nullptr, 0);
    }
  }
  if (how == "late") {
    std::thread([] {
      doze();
      *static_cast<volatile int*>(nullptr) = 1;
    }).detach();
  }
  if (how == "returns") {
    const pid_t child = ::fork();  // the child goes on as if it were the task
    if (child > 0) ::waitpid(child, nullptr, 0);
  }
}

std::uint64_t poison(std::uint64_t x, std::string how) {
  if (!how.empty()) {
    crash(how);
    hang(how);
    eat(how);
    trouble(how);
  }
  return x * x;
}
