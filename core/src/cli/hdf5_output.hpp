#pragma once

#include "cli/row_output.hpp"

namespace jobhost::cli {

/// An HDF5 file, which jobhost-hdf5 writes from the job's directory in the end.
class Hdf5Output : public BlockOutput {
 public:
  Hdf5Output(base::Env& env, const host::Job& job, const bundle::Output& output, Part part, bool merged);
  void write(const host::Block&, const host::Explanation*) override {}
  void flush() override {}
  void finish() override;

  /// Throws Error(kBackendFailed) where that program is not installed, and Error(kUsage) where `path` is no file.
  static void check(base::Env& env, const std::string& path);

 private:
  base::Env& env_;
  std::string directory_;
  Part part_;
  bool merged_;
  OutputFile file_;
};

}  // namespace jobhost::cli
