#include "context/capture.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/file.hpp"
#include "context/environment.hpp"
#include "context/floating_point.hpp"
#include "context/locale.hpp"
#include "context/process.hpp"

namespace jobhost::context {
namespace {

/// sin, exp, pow and others have versions for processors with AVX2, FMA or FMA4, which round differently. Without those
/// abilities glibc takes the one that every x86-64 processor can run.
void make_math_portable(bundle::CallingContext& context) {
  constexpr std::string_view kName = "GLIBC_TUNABLES", kTunable = "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4";
  const auto known = std::find_if(context.environment.begin(), context.environment.end(),
                                  [&](const auto& variable) { return variable.first == kName; });
  if (known != context.environment.end()) {
    known->second += ":" + std::string(kTunable);
  } else {
    context.environment.emplace_back(kName, kTunable);
  }
}

}  // namespace

bundle::CallingContext capture(const Wishes& wishes) {
  bundle::CallingContext context;
  char here[PATH_MAX];
  if (!::getcwd(here, sizeof here)) base::throw_file_error(-errno, "find", "working directory");
  context.working_directory = here;
  context.umask = own_umask();
  context.whole = true;
  context.arguments = own_arguments();
  capture_environment(own_environment(), wishes.environment, context);
  if (wishes.portable_math) make_math_portable(context);
  capture_limits(context);
  capture_locale(context);
  context.time_zone = own_time_zone();
  context.niceness = ::getpriority(PRIO_PROCESS, 0);
  context.processors = usable_processors();
  const auto floating = FloatingPoint::current();
  context.mxcsr = floating.mxcsr;
  context.x87 = floating.x87;
  return context;
}

}  // namespace jobhost::context
