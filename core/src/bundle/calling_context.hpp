#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace jobhost::bundle {

/// A soft limit of a process: "stack", "nofile"; bytes or a count, UINT64_MAX without a limit.
struct Limit {
  std::string name;
  std::uint64_t value = 0;
  friend bool operator==(const Limit&, const Limit&) = default;
};

/// What surrounded the submission, apart from code and globals (docs/context.md). Plain data; context/ captures and
/// restores it.
struct CallingContext {
  std::string working_directory;  // absolute
  std::uint32_t umask = 022;

  bool whole = false;                                            // false: nothing below was captured (older jobs)
  std::vector<std::string> arguments;                            // argv
  std::vector<std::pair<std::string, std::string>> environment;  // name and value, by name
  std::vector<std::string> withheld;                             // names of variables that do not travel
  std::vector<std::string> secret;                               // asked for, but never written down: taken as they
                                                                 // are where the worker runs
  std::vector<Limit> limits;
  std::vector<std::pair<std::string, std::string>> locale;  // category and name: "LC_NUMERIC", "de_CH.UTF-8"
  std::string cpp_locale;                                   // name of std::locale(); "*" for one without a name
  std::string time_zone;                                    // of the system, in force where TZ is not set
  int niceness = 0;
  std::uint32_t processors = 0;  // this process might use
  std::uint32_t mxcsr = 0;       // SSE control word, without the sticky exception flags
  std::uint16_t x87 = 0;         // x87 control word
  friend bool operator==(const CallingContext&, const CallingContext&) = default;
};

/// A JSON object. Texts that are not UTF-8 become {"hex": "…"}.
std::string context_to_json(const CallingContext& context);
/// Throws nlohmann's exceptions and base::Malformed, which the reader of MANIFEST turns into sentences.
CallingContext context_from_json(const std::string& json);

}  // namespace jobhost::bundle
