#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "bundle/manifest.hpp"

namespace jobhost::api {

/// The encoded value that a global of a plugin that this program links has now; `getter` is its jobhost_get_global.
/// Nothing when the library is not loaded. Throws Error(kUsage) when the value cannot be encoded. Nobody may change it
/// meanwhile.
std::optional<base::Bytes> value_of_global(const bundle::Blob& library, const std::string& getter);

}  // namespace jobhost::api
