#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/code.hpp"
#include "host/result_stream.hpp"
#include "plugin/symbolizer.hpp"

namespace jobhost::host {

/// A failure in words.
struct Explanation {
  std::string kind;  // "exception", "crash", "timeout", "lost"
  std::string type;  // demangled type of the outermost exception, or ""
  std::string what;  // its message; crashes: "SIGSEGV" or "exit(3)"
  struct Cause {
    std::string type, what;
  };
  std::vector<Cause> causes;  // nested exceptions, outermost first
  std::string where;          // "f at pi.cpp:12": the innermost call in the user's own code, or ""
  std::optional<int> signal;
  struct Call {
    std::string text;    // "f at /home/me/pi.cpp:12"
    bool users = false;  // it is in the user's sources, not in a library's headers or in a library of the system
    friend bool operator==(const Call&, const Call&) = default;
  };
  std::vector<Call> stack;  // innermost first
};

/// "std::domain_error: unlucky 13", "crash: SIGSEGV". A message that only repeats the type is not said twice.
std::string headline(const Explanation& words);

/// A function's name with what stands in <> and () left out as far as it takes to get it below `most` characters.
std::string shortened(const std::string& function, std::size_t most);

/// Turns failure records into words with the job's own copies of the code. Keeps answers: a million equal failures cost
/// one lookup of debug information.
class Explainer {
 public:
  Explainer(base::Env& env, const Job& job);
  Explanation explain(const store::Failure& failure, const std::vector<std::string>* modules);
  /// The same without `where` and `stack`, which take debug information to be read.
  static Explanation in_short(const store::Failure& failure);

 private:
  struct Place {
    bool users_code = false;
    std::vector<plugin::SourceLine> lines;
  };
  const Place& place(const std::string& module, std::uint64_t offset);

  base::Env& env_;
  const Job& job_;
  std::map<std::string, Code> modules_;
  plugin::Symbolizer symbolizer_;
  std::map<std::pair<std::string, std::uint64_t>, Place> places_;
};

}  // namespace jobhost::host
