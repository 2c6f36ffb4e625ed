#pragma once

#include "base/error.hpp"

namespace jobhost::base {

/// On a network file system: what was opened is gone, or another file has its name by now (ESTALE).
class Stale : public Error {
 public:
  using Error::Error;
};

/// Runs what opens a file by its name and reads it, once more where that was Stale.
template <class Read>
auto looking_again(const Read& read) {
  try {
    return read();
  } catch (const Stale&) {
    return read();
  }
}

}  // namespace jobhost::base
