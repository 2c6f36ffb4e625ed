#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "host/submission.hpp"

namespace jobhost::cli {

/// Whose unfinished file: that of the host that owns the job takes the place of what an earlier owner left.
enum class Part { kOfOwner, kOfReader };

/// Throws once the user asked to stop: what a reader writes is written again by the same command.
void throw_if_interrupted();

/// Removes what a host of the job that was killed left beside the file that it was to write. Nothing for a job that was
/// named by its path: the file need not be its user's.
void remove_unfinished_output(base::Env& env, const host::Job& job);

/// Where text for people and programs goes: standard output, a device or FIFO, or a file that appears under its name
/// when it is complete.
class OutputFile {
 public:
  /// `path` "": standard output; `before_print` is then called before text goes to a terminal. The unfinished file is
  /// `path`.`job`.part, of a reader `path`.`job`.<random>.part. A FIFO is waited for until somebody reads it.
  OutputFile(base::Env& env, std::string path, const std::string& job, Part part, std::function<void()> before_print);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  /// Removes an unfinished file.
  ~OutputFile();

  /// All of it. Throws ReaderGone when nobody reads it any more.
  void write(std::string_view text);
  /// Throws Error(kOwnedElsewhere) when the unfinished file is another host's by now.
  void finish();
  /// Where it is written until then; "" when it is a stream.
  const std::string& unfinished() const { return unfinished_; }

 private:
  bool is_ours() const;

  base::Env& env_;
  std::string path_, unfinished_;
  std::function<void()> before_print_;
  std::optional<base::File> file_;  // unfinished, or, where there is none, a stream
};

}  // namespace jobhost::cli
