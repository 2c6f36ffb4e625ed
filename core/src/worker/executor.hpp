#pragma once

#include <functional>

#include "base/env.hpp"

namespace jobhost::worker {

/// Runs `lane` for 0 .. lanes-1 at the same time and returns when all are done. Each executor program brings its own:
/// one lane on the calling thread (plain_lanes.cpp), or a TBB arena (tbb_lanes.cpp).
void run_lanes(unsigned lanes, const std::function<void(unsigned)>& lane);

/// An executor's life: map the control memory, wait for the plan, restore the context, load the plugin, run lanes until
/// told to stop. What it prints goes to `printed/<worker>.<lane>.<generation>` in the job directory. Its arguments are
/// those of the submission; its orders (surroundings.hpp) are a control descriptor and `lanes`, first lane, number of
/// lanes, generation; or `replay`, task. Returns the exit code.
int executor_main(base::Env& env);

}  // namespace jobhost::worker
