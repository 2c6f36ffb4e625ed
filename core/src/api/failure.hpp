#pragma once

#include <string>
#include <vector>

#include "host/explanation.hpp"
#include "jobhost/detail/runtime.hpp"
#include "schema/type.hpp"

namespace jobhost::api {

/// A failure as programs are told of it. `columns`: the task's, as its kernel has them.
detail::Failure told(host::Explainer& explainer, std::uint64_t task, const store::Failure& failure,
                     const std::vector<std::string>* modules, const schema::Kernel& kernel,
                     const std::vector<jobhost_column>& columns);

}  // namespace jobhost::api
