#include "worker/lookup_watch.hpp"

#include <atomic>
#include <cstring>
#include <deque>

#include "worker/interpose.hpp"

namespace jobhost::worker {
namespace {

struct Watched {
  std::string name;
  std::atomic<bool> told{false};
  explicit Watched(std::string watched) : name(std::move(watched)) {}
};

// Looked through by every getenv() of the process, until its end.
std::deque<Watched>* watched = nullptr;
std::function<void(const std::string&)>* tell = nullptr;

void look_up(const char* name) {
  for (auto& variable : *watched) {
    if (std::strcmp(name, variable.name.c_str()) == 0 && !variable.told.exchange(true)) (*tell)(variable.name);
  }
}

}  // namespace

void watch_lookups(const std::vector<std::string>& withheld, std::function<void(const std::string& name)> found) {
  if (withheld.empty() || watched) return;
  watched = new std::deque<Watched>();
  for (const auto& name : withheld) watched->emplace_back(name);
  tell = new std::function<void(const std::string&)>(std::move(found));
  set_lookup_observer(&look_up);
}

}  // namespace jobhost::worker
