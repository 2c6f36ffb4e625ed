// The executable of a program that add_job_program() makes: everything else, its main included, is in the module. It
// brings the runtime, which workers, who load the module alone, do not have.
extern "C" {
void jobhost_set_runtime(void* runtime);
void* jobhost_make_runtime();
}

namespace {
[[maybe_unused]] const bool kReady = (jobhost_set_runtime(jobhost_make_runtime()), true);
}
