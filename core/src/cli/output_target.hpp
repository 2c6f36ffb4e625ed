#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/manifest.hpp"

namespace jobhost::cli {

/// Where output goes that is to have a name.
struct OutputTarget {
  std::string path;     // what symbolic links lead to
  bool stream = false;  // a character device or FIFO, written to as it is; else a file that a complete one replaces
};

/// Throws Error(kUsage) when nothing can be written there, as for a directory or in none.
OutputTarget output_target(base::Env& env, const std::string& path);

/// The same for output that has to be a file.
std::string output_path(base::Env& env, const std::string& path);

/// Throws Error(kUsage) when output would take the place of one of the files that inputs come from, whatever either is
/// called.
void require_no_input(base::Env& env, const std::string& path, const std::vector<bundle::InputFile>& inputs);

}  // namespace jobhost::cli
