#include "context/restore.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace jobhost::context {

void restore(const bundle::CallingContext& context) {
  ::umask(context.umask);
  if (::chdir(context.working_directory.c_str()) != 0) {
    throw base::Error(base::ExitCode::kPluginRefused,
                      "the job's working directory '" + context.working_directory +
                          "' cannot be entered here: " + std::strerror(errno),
                      "make the directory visible to the workers, or submit again from one that is");
  }
}

}  // namespace jobhost::context
