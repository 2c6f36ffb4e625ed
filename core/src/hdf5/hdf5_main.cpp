// jobhost-hdf5 JOB_DIRECTORY FILE [--merged]: what jobhost runs for a file whose name ends in .h5. A program of its
// own, because linking libhdf5 would make every start of jobhost slower.
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>

#include "base/error.hpp"
#include "hdf5/hdf5_rows.hpp"

int main(int argc, char** argv) {
  using namespace jobhost;
  if (argc < 3) {
    std::fprintf(stderr, "jobhost runs this program for results that go to an .h5 file\n");
    return static_cast<int>(base::ExitCode::kUsage);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // nobody waits for the file when jobhost is gone
  base::PosixEnv env;
  try {
    const host::Job job = host::open_job(env, store::JobDirectory(argv[1]));
    hdf5::write_job(env, job, argc > 3 && std::strcmp(argv[3], "--merged") == 0, argv[2]);
  } catch (const base::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(base::ExitCode::kBackendFailed);
  }
  return 0;
}
