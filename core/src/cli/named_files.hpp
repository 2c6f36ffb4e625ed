#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/manifest.hpp"
#include "schema/type.hpp"

namespace jobhost::cli {

inline constexpr std::size_t kMostNamedFiles = 10'000;

/// Adds each file that a value of a string parameter names, once, with its digest. Values that name no regular file are
/// passed over. Throws Error(kUsage) when there are more than kMostNamedFiles.
void add_named_files(base::Env& env, const bundle::Inputs& inputs, const schema::Kernel& kernel,
                     const std::string& job_directory, std::vector<bundle::InputFile>& files);

}  // namespace jobhost::cli
