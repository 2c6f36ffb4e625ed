#include "context/capture.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "base/file.hpp"

namespace jobhost::context {

bundle::CallingContext capture() {
  bundle::CallingContext context;
  char here[PATH_MAX];
  if (!::getcwd(here, sizeof here)) base::throw_file_error(-errno, "find", "working directory");
  context.working_directory = here;
  context.umask = ::umask(077);
  ::umask(context.umask);
  return context;
}

}  // namespace jobhost::context
