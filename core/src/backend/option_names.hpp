#pragma once

#include <string>
#include <vector>

/// Options that are passed on. Programs know best which they have; these names are for completion and for hints.
namespace jobhost::backend {

/// Of --slurm and --mpi, without dashes.
const std::vector<std::string>& slurm_option_names();
const std::vector<std::string>& mpi_option_names();

/// "did you mean --slurm partition=short?" and a line's end, where a program complains that it does not know one of the
/// options ("partitoin=short") that the backend passed on; else "".
std::string meant_option(const std::string& backend, const std::vector<std::string>& options,
                         const std::string& complaint);

}  // namespace jobhost::backend
