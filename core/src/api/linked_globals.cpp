#include "api/linked_globals.hpp"

#include <dlfcn.h>

#include <memory>

#include "base/error.hpp"
#include "jobhost/sdk/abi.h"

namespace jobhost::api {

std::optional<base::Bytes> value_of_global(const bundle::Blob& library, const std::string& getter) {
  constexpr int kOnlyIfLoaded = RTLD_LAZY | RTLD_NOLOAD;
  void* handle = ::dlopen(library.name.c_str(), kOnlyIfLoaded);
  if (!handle) handle = ::dlopen(library.origin.c_str(), kOnlyIfLoaded);
  if (!handle) return std::nullopt;
  const auto close = [](void* open) { ::dlclose(open); };
  const std::unique_ptr<void, decltype(close)> closed_at_end(handle, close);
  const auto get = reinterpret_cast<jobhost_get_global>(::dlsym(handle, getter.c_str()));
  if (!get) return std::nullopt;
  base::Bytes value;
  std::uint64_t size = 0;
  int answer = get(nullptr, 0, &size);
  if (answer == 1) {
    value.resize(size);
    answer = get(value.data(), value.size(), &size);
  }
  if (answer == 0 && size == value.size()) return value;
  throw base::Error(base::ExitCode::kUsage,
                    "a global of '" + library.name + "' has a value that cannot be sent to workers (" + getter + ")");
}

}  // namespace jobhost::api
