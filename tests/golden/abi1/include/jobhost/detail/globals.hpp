#pragma once

#include <string>

#include "jobhost/sdk/abi.h"
#include "jobhost/sdk/codec.hpp"

/// Global variables that travel with every job: see jobhost::Global.
namespace jobhost::detail {

class KnownGlobal {
 public:
  KnownGlobal(const KnownGlobal&) = delete;
  KnownGlobal& operator=(const KnownGlobal&) = delete;
  virtual void write(std::string& out) const = 0;
  virtual void restore(sdk::Reader& reader) const = 0;
  virtual const void* data() const = 0;
  virtual std::size_t size() const = 0;

  // The same order in every process: it is that of the module's static initialisation.
  static inline const KnownGlobal* first = nullptr;
  const KnownGlobal* const next = first;

 protected:
  KnownGlobal() { first = this; }
  ~KnownGlobal() = default;
};

/// Their values, encoded; "" where there are none.
std::string capture_globals();

/// In a worker: gives them their values before the process's first task. Any thread may call.
void restore_globals(const jobhost_column& captured);

}  // namespace jobhost::detail
