#include "context/process_context.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "base/error.hpp"
#include "base/file.hpp"

namespace jobhost::context {

ProcessContext capture() {
  ProcessContext context;
  char here[PATH_MAX];
  if (!::getcwd(here, sizeof here)) base::throw_file_error(-errno, "find", "working directory");
  context.working_directory = here;
  context.umask = ::umask(077);
  ::umask(context.umask);
  return context;
}

void apply(const ProcessContext& context) {
  ::umask(context.umask);
  if (::chdir(context.working_directory.c_str()) != 0) {
    throw base::Error(base::ExitCode::kPluginRefused,
                      "the job's working directory '" + context.working_directory +
                          "' cannot be entered here: " + std::strerror(errno),
                      "make the directory visible to the workers, or submit again from one that is");
  }
}

}  // namespace jobhost::context
