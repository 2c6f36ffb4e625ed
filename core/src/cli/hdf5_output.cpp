#include "cli/hdf5_output.hpp"

#include "base/error.hpp"
#include "base/program.hpp"
#include "cli/output_target.hpp"
#include "cli/session.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kLongestNs = 86'400'000'000'000;  // a day

std::string program() { return Session::libexec() + "/jobhost-hdf5"; }

}  // namespace

Hdf5Output::Hdf5Output(base::Env& env, const host::Job& job, const bundle::Output& output, Part part, bool merged)
    : env_(env),
      directory_(job.directory.path()),
      merged_(merged),
      file_(env, output.file, job.manifest.job, part, [] {}) {
  check(env, output.file);
}

void Hdf5Output::check(base::Env& env, const std::string& path) {
  if (path.empty()) throw base::Error(base::ExitCode::kUsage, "HDF5 goes to a file only", "write -o FILE.h5");
  output_path(env, path);
  if (base::exists(env, program())) return;
  throw base::Error(base::ExitCode::kBackendFailed, "this jobhost cannot write HDF5: there is no '" + program() + "'",
                    "install the package jobhost-hdf5, or build jobhost where libhdf5-dev is installed");
}

void Hdf5Output::finish() {
  std::vector<std::string> words = {program(), directory_, file_.unfinished()};
  if (merged_) words.emplace_back("--merged");
  const auto end = base::run_program(env_, std::move(words), kLongestNs);
  if (!end.succeeded()) throw base::Error(base::ExitCode::kBackendFailed, "no HDF5 file was written: " + end.why());
  file_.finish();
}

}  // namespace jobhost::cli
