#include "store/done.hpp"

#include <cinttypes>
#include <cstdio>

#include "store/seal.hpp"

namespace jobhost::store {
namespace {

std::string unsealed(const Done& done) {
  return "{\"tasks\": " + std::to_string(done.tasks) + ", \"ok\": " + std::to_string(done.ok) +
         ", \"failed\": " + std::to_string(done.failed) + ", \"finished_ns\": " + std::to_string(done.finished_ns) +
         "}";
}

}  // namespace

std::string to_text(const Done& done) { return sealed(unsealed(done)) + "\n"; }

std::optional<Done> done_from_text(std::string_view text) {
  Done done;
  const int fields = std::sscanf(
      std::string(text).c_str(),
      "{\"tasks\": %" SCNu64 ", \"ok\": %" SCNu64 ", \"failed\": %" SCNu64 ", \"finished_ns\": %" SCNu64 "",
      &done.tasks, &done.ok, &done.failed, &done.finished_ns);
  if (fields != 4 || (text != to_text(done) && text != unsealed(done) + "\n")) return std::nullopt;
  return done;
}

}  // namespace jobhost::store
