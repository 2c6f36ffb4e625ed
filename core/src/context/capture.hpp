#pragma once

#include "bundle/calling_context.hpp"

/// The calling context (docs/context.md): captured at submission, restored in every executor before the plugin is
/// loaded.
namespace jobhost::context {

/// What is asked for beyond what is there.
struct Wishes {
  std::vector<std::string> environment;  // NAME or NAME=VALUE
  bool portable_math = false;            // the C library's mathematical functions give the same bits on every processor
};

/// Of this process and thread. Throws Error(kUsage) for wishes that cannot be granted.
bundle::CallingContext capture(const Wishes& wishes = {});

}  // namespace jobhost::context
