#include "cli/session.hpp"
#include "dashboard/server.hpp"

int main(int argc, char** argv) {
  jobhost::base::PosixEnv env;
  return jobhost::cli::run_command_line(env, argc, argv, jobhost::dashboard::serve);
}
