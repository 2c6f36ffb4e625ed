#include "cli/signals.hpp"

#include <poll.h>
#include <signal.h>

#include "base/error.hpp"

namespace jobhost::cli {

std::atomic<int> Signals::requests{0};
std::atomic<int> Signals::last{0};

void Signals::install() {
  struct sigaction action {};
  action.sa_handler = [](int signal) {
    if (signal == SIGCHLD) return;
    last.store(signal);
    if (requests.fetch_add(1) < 2) return;
    ::signal(signal, SIG_DFL);  // whoever asks a third time waits for nothing
    ::raise(signal);
  };
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

int Signals::exit_code() {
  return static_cast<int>(last.load() == SIGTERM ? base::ExitCode::kTerminated : base::ExitCode::kInterrupted);
}

void Signals::throw_if_asked(const std::string& sentence) {
  if (requests.load() > 0) throw base::Error(static_cast<base::ExitCode>(exit_code()), sentence);
}

void Signals::wait_readable(int fd) {
  sigset_t asking, before;
  ::sigemptyset(&asking);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&asking, signal);
  ::sigprocmask(SIG_BLOCK, &asking, &before);  // none may come between the look at them and the wait
  pollfd input{fd, POLLIN, 0};
  while (requests.load() == 0 && ::ppoll(&input, 1, nullptr, &before) <= 0) {
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  throw_if_asked();
}

}  // namespace jobhost::cli
