#include "worker/executor.hpp"

int main(int argc, char** argv) {
  jobhost::base::PosixEnv env;
  return jobhost::worker::executor_main(env, argc, argv);
}
