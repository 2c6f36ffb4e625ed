#pragma once

#include "bundle/calling_context.hpp"

/// The calling context: captured at submission, restored in every executor before the plugin is loaded.
namespace jobhost::context {

/// Of this process and thread. Reading the umask sets it for an instant: call before threads start.
bundle::CallingContext capture();

}  // namespace jobhost::context
