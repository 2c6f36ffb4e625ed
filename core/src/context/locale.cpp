#include "context/locale.hpp"

#include <unistd.h>

#include <climits>
#include <clocale>
#include <cstdlib>
#include <ctime>
#include <locale>
#include <stdexcept>

#include "base/error.hpp"

namespace jobhost::context {
namespace {

constexpr std::pair<int, const char*> kCategories[] = {{LC_CTYPE, "LC_CTYPE"},
                                                       {LC_NUMERIC, "LC_NUMERIC"},
                                                       {LC_TIME, "LC_TIME"},
                                                       {LC_COLLATE, "LC_COLLATE"},
                                                       {LC_MONETARY, "LC_MONETARY"},
                                                       {LC_MESSAGES, "LC_MESSAGES"},
                                                       {LC_PAPER, "LC_PAPER"},
                                                       {LC_NAME, "LC_NAME"},
                                                       {LC_ADDRESS, "LC_ADDRESS"},
                                                       {LC_TELEPHONE, "LC_TELEPHONE"},
                                                       {LC_MEASUREMENT, "LC_MEASUREMENT"},
                                                       {LC_IDENTIFICATION, "LC_IDENTIFICATION"}};

[[noreturn]] void refuse_locale(const std::string& name, const std::string& what) {
  throw base::Error(base::ExitCode::kPluginRefused,
                    "the locale '" + name + "' (" + what + " at submission) is not installed here",
                    "install it (locale-gen), or submit without it");
}

/// The zone that TZ names, as far as one of the time zone database is meant: "Asia/Tokyo".
std::string zone_named(std::string value) {
  if (value.starts_with(':')) value.erase(0, 1);
  return value;
}

std::string zone_directory() {
  const char* directory = std::getenv("TZDIR");
  return directory && *directory ? directory : "/usr/share/zoneinfo";
}

bool zone_is_known(const std::string& zone) {
  return !zone.empty() && ::access((zone_directory() + "/" + zone).c_str(), R_OK) == 0;
}

}  // namespace

void capture_locale(bundle::CallingContext& context) {
  for (const auto& [category, name] : kCategories) context.locale.emplace_back(name, std::setlocale(category, nullptr));
  context.cpp_locale = std::locale().name();
}

void restore_locale(const bundle::CallingContext& context) {
  // A std::locale with a name also sets the C library's: those come second.
  if (!context.cpp_locale.empty() && context.cpp_locale != "*") {
    try {
      std::locale::global(std::locale(context.cpp_locale));
    } catch (const std::runtime_error&) {
      refuse_locale(context.cpp_locale, "std::locale");
    }
  }
  for (const auto& [name, value] : context.locale) {
    for (const auto& [category, known] : kCategories) {
      if (name == known && !std::setlocale(category, value.c_str())) refuse_locale(value, name);
    }
  }
}

std::string own_time_zone() {
  const char* value = std::getenv("TZ");
  const std::string zone = zone_named(value ? value : "");
  return zone_is_known(zone) ? zone : system_time_zone();
}

std::string system_time_zone() {
  char target[PATH_MAX];
  const ssize_t size = ::readlink("/etc/localtime", target, sizeof target);
  const std::string path(target, size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::string_view kFolder = "zoneinfo/";
  const std::size_t at = path.find(kFolder);
  return at == std::string::npos ? "" : path.substr(at + kFolder.size());
}

std::string time_zone_variable(const bundle::CallingContext& context, const std::string& here) {
  for (const auto& [name, value] : context.environment) {
    if (name == "TZ") return "";  // restored with the environment
  }
  return context.time_zone.empty() || context.time_zone == here ? "" : ":" + context.time_zone;
}

void restore_time_zone(const bundle::CallingContext& context) {
  const std::string variable = time_zone_variable(context, system_time_zone());
  std::string wanted = zone_named(variable);
  for (const auto& [name, value] : context.environment) {
    // Where there was no such zone at submission, either, both have what the C library makes of that.
    if (name == "TZ" && zone_named(value) == context.time_zone) wanted = context.time_zone;
  }
  if (!wanted.empty() && !zone_is_known(wanted)) {
    throw base::Error(base::ExitCode::kPluginRefused,
                      "the time zone '" + wanted + "' of the submission is not known here",
                      "install tzdata, or set TZ and submit again");
  }
  if (variable.empty()) return;
  ::setenv("TZ", variable.c_str(), 1);
  ::tzset();
}

}  // namespace jobhost::context
