#pragma once

#include "host/explanation.hpp"
#include "jobhost/detail/runtime.hpp"

namespace jobhost::api {

/// A failure as programs are told of it.
inline detail::Failure told(host::Explainer& explainer, std::uint64_t task, const store::Failure& failure,
                            const std::vector<std::string>* modules) {
  const auto words = explainer.explain(failure, modules);
  detail::Failure told{task, words.kind, words.type, words.what, words.where, {}, {}, {}, words.stack};
  if (!failure.thrown.empty()) {
    told.mangled = failure.thrown[0].type;
    told.object = failure.thrown[0].object;
  }
  for (const auto& cause : words.causes) told.causes.push_back({cause.type, cause.what});
  return told;
}

}  // namespace jobhost::api
