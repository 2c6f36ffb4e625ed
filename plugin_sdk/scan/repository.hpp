#pragma once

#include <string>

namespace jobhost::scan {

/// What git says about a source file.
struct Revision {
  std::string commit;  // 40 or 64 hexadecimal digits; "" outside of a repository, or when git cannot tell
  bool dirty = false;  // tracked files have changes that are not committed, or the source itself is not tracked
  friend bool operator==(const Revision&, const Revision&) = default;
};

/// Asks `git`, if there is one, and gives up quietly after two seconds. Changes nothing in the repository.
Revision revision_of(const std::string& source);

}  // namespace jobhost::scan
