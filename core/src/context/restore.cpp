#include "context/restore.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "context/locale.hpp"
#include "context/process.hpp"

namespace jobhost::context {

std::vector<std::string> restore(const bundle::CallingContext& context, Place place) {
  std::vector<std::string> notes;
  const auto add = [&notes](const std::optional<std::string>& note) {
    if (note) notes.push_back(*note);
  };
  ::umask(context.umask);
  if (::chdir(context.working_directory.c_str()) != 0) {
    throw base::Error(base::ExitCode::kPluginRefused,
                      "the job's working directory '" + context.working_directory +
                          "' cannot be entered here: " + std::strerror(errno),
                      "make the directory visible to the workers, or submit again from one that is");
  }
  if (!context.whole) return notes;
  restore_limits(context);
  add(restore_niceness(context.niceness));
  add(restore_processors(context.processors, place.first_lane, place.lanes));
  restore_time_zone(context);
  restore_locale(context);
  return notes;
}

FloatingPoint floating_point_of(const bundle::CallingContext& context) {
  if (!context.whole) return {};
  return {context.mxcsr, context.x87};
}

}  // namespace jobhost::context
