#include "cli/hdf5_output.hpp"

#include "base/error.hpp"
#include "base/program.hpp"
#include "cli/output_target.hpp"
#include "cli/session.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kLongestNs = 86'400'000'000'000;  // a day
constexpr std::uint64_t kPollNs = 5'000'000;

std::string program() { return Session::libexec() + "/jobhost-hdf5"; }

}  // namespace

Hdf5Output::Hdf5Output(base::Env& env, const host::Job& job, const bundle::Output& output, Part part, bool merged)
    : env_(env),
      directory_(job.directory.path()),
      part_(part),
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
  base::ProgramRun run(env_, std::move(words), kLongestNs);
  for (; !run.look(); env_.sleep_ns(kPollNs)) {
    if (part_ == Part::kOfReader) throw_if_interrupted();
  }
  if (part_ == Part::kOfReader) throw_if_interrupted();  // who asks at a terminal asks that program, too
  const auto& end = *run.look();
  if (!end.succeeded()) throw base::Error(base::ExitCode::kBackendFailed, "no HDF5 file was written: " + end.why());
  file_.finish();
}

}  // namespace jobhost::cli
