#include "worker/executor.hpp"

int main() {
  jobhost::base::PosixEnv env;
  return jobhost::worker::executor_main(env);
}
