#include "worker/executor.hpp"

namespace jobhost::worker {

void run_lanes(unsigned lanes, const std::function<void(unsigned)>& lane) {
  for (unsigned i = 0; i < lanes; ++i) lane(i);  // the plain executor is only ever started with one
}

}  // namespace jobhost::worker
