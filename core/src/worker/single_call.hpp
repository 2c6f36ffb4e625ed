#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "jobhost/sdk/abi.h"

namespace jobhost::worker {

/// How one call of an entry ended.
struct SingleCall {
  base::Bytes result;
  struct Thrown {
    std::string type, what;  // demangled, and its message
  };
  std::vector<Thrown> thrown;  // outermost first; none: it returned

  /// "std::domain_error: not a number"
  std::string in_words() const { return thrown[0].type + ": " + thrown[0].what; }
};

/// Runs one task on this thread, without crash guard or logs. `size`: of the result; nothing: it varies.
SingleCall call_once(jobhost_entry entry, const std::vector<jobhost_column>& columns,
                     std::optional<std::uint64_t> size);

}  // namespace jobhost::worker
