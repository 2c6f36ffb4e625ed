#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"

namespace jobhost::cli {

/// Where text for people and programs goes: standard output, or a file that appears under its name when it is complete.
class OutputFile {
 public:
  /// `path` "": standard output; `before_print` is then called before text goes to a terminal. `job` makes the name of
  /// the unfinished file unique.
  OutputFile(base::Env& env, std::string path, const std::string& job, std::function<void()> before_print);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  /// Removes an unfinished file.
  ~OutputFile();

  /// All of it. Throws ReaderGone when nobody reads standard output any more.
  void write(std::string_view text);
  void finish();

 private:
  base::Env& env_;
  std::string path_, unfinished_;
  std::function<void()> before_print_;
  std::optional<base::File> file_;
};

}  // namespace jobhost::cli
