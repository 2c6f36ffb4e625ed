#pragma once

namespace jobhost::backend {

/// Whether this process is inside of a Slurm allocation, and not because it is part of a job array of jobhost's.
bool in_allocation();

/// Processors of each of the allocation's tasks.
unsigned allocated_lanes_per_task();

/// Processors of the whole allocation that this process is inside of; 0 outside of one.
unsigned allocated_lanes();

}  // namespace jobhost::backend
