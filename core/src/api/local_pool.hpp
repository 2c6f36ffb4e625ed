#pragma once

#include <memory>
#include <string>

#include "base/env.hpp"
#include "jobhost/detail/runtime.hpp"
#include "jobhost/options.hpp"

namespace jobhost::api {

/// Warm workers of this machine for an open job whose directory is made beneath `folder`. Throws as TaskPool does.
std::unique_ptr<detail::TaskPool> make_local_pool(base::Env& env, const std::string& folder, const std::string& globals,
                                                  const Options& options);

}  // namespace jobhost::api
