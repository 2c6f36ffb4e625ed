#include <fcntl.h>
#include <signal.h>

#include <cstdlib>

#include "cli/session.hpp"

namespace {

/// A job's file must never get the number of a standard stream that the caller closed. What is printed is then lost
/// (standard error) or refused (standard output).
void fill_closed_streams() {
  for (int fd : {0, 1, 2}) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd) std::abort();
  }
}

}  // namespace

int main(int argc, char** argv) {
  fill_closed_streams();
  ::signal(SIGXFSZ, SIG_IGN);  // a file that would be larger than `ulimit -f` allows is an error like a full disk
  jobhost::base::PosixEnv env;
  return jobhost::cli::run_command_line(env, argc, argv);
}
