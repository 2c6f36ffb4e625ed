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
  std::vector<std::string> stack;  // "f at /home/me/pi.cpp:12", innermost first
};

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
