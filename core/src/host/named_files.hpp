#pragma once

#include <set>
#include <string>
#include <vector>

#include "host/captured.hpp"

/// Files that a job's values name: tasks read them, and their contents are not in the job.
namespace jobhost::host {

inline constexpr std::size_t kMostNamedFiles = 10'000;

/// Strings that may be names of files.
using Names = std::set<std::string>;

/// The values of string parameters, of all tasks, or of one.
Names names_in_inputs(base::Env& env, const bundle::Inputs& inputs, const schema::Kernel& kernel,
                      const std::string& job_directory);
Names names_of_task(base::Env& env, const Job& job, std::uint64_t task);
/// The strings in values, wherever they stand.
Names names_in(const std::vector<Captured>& values);
/// Of captured globals and the initialiser's arguments.
Names names_in_context(const bundle::Manifest& manifest, const Descriptions& descriptions);

/// Where a name leads to from a directory ("": the working directory).
std::string path_from(const std::string& folder, const std::string& name);

/// Adds each regular file among the names, once, with its digest; what is there already is marked as read so, too.
/// Throws Error(kUsage) when that makes more than kMostNamedFiles.
void add_named_files(base::Env& env, const Names& names, bundle::InputFile::ReadBy read_by, const std::string& folder,
                     std::vector<bundle::InputFile>& files);

/// The job's files with the digests that those have now which are read by name.
std::vector<bundle::InputFile> files_of_now(base::Env& env, const Job& job);

/// Sentences about recorded files that are others now. Of those that arguments name, only the ones among `names`
/// (null: all). `folder`: where tasks run.
std::vector<std::string> changed_files(base::Env& env, const bundle::Manifest& manifest, const Names* names,
                                       const std::string& folder);

}  // namespace jobhost::host
