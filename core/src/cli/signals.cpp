#include "cli/signals.hpp"

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

}  // namespace jobhost::cli
