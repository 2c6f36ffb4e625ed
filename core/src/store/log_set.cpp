#include "store/log_set.hpp"

#include "base/beneath.hpp"

namespace jobhost::store {

LogSet::LogSet(base::Env& env, JobDirectory job, const Id128& manifest)
    : env_(env), job_(std::move(job)), manifest_(manifest) {}

void LogSet::discover() {
  for (const auto& folder : base::list_beneath(env_, job_.logs())) {
    if (!is_party_folder(folder)) continue;
    for (const auto& name : base::list_beneath(env_, job_.logs() + "/" + folder)) {
      if (!is_log_name(name)) continue;
      std::string path = job_.logs() + "/" + folder + "/" + name;
      if (known_.insert(path).second) logs_.emplace_back(env_, std::move(path), manifest_, job_.path());
    }
  }
}

std::size_t LogSet::read(const std::function<void(std::size_t, const Frame&)>& frame) {
  std::size_t count = 0;
  for (std::size_t number = 0; number < logs_.size(); ++number) {
    while (const auto next = logs_[number].next()) {
      frame(number, *next);
      ++count;
    }
  }
  return count;
}

}  // namespace jobhost::store
