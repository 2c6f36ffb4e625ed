#include "cli/row_input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/suggest.hpp"
#include "cli/signals.hpp"

namespace jobhost::cli {

namespace {

constexpr std::size_t kLongestLine = 256 << 20;

/// Opening a FIFO does not wait for somebody to write: reading does.
base::File open_input(base::Env& env, const std::string& path) {
  auto file = base::File::open_if_exists(env, path, O_RDONLY | O_NONBLOCK);
  if (!file) throw base::Error(base::ExitCode::kUsage, "there is no file '" + path + "'");
  return std::move(*file);
}

}  // namespace

std::string name_of_file(const std::string& path) { return path == "-" ? "standard input" : path; }

base::File open_regular(base::Env& env, const std::string& path) {
  base::File file = open_input(env, path);
  base::FileStatus status;
  if (const int failure = env.status(file.fd(), status); failure < 0) base::throw_file_error(failure, "look at", path);
  if (!S_ISREG(status.mode)) {
    throw base::Error(base::ExitCode::kUsage, "'" + path + "' is not a regular file",
                      "only --csv, --tsv and --jsonl read pipes");
  }
  return file;
}

std::string for_each_line(base::Env& env, const std::string& path, const std::function<void(std::string_view)>& line) {
  std::optional<base::File> file;
  if (path != "-") file = open_input(env, path);
  const int fd = file ? file->fd() : STDIN_FILENO;
  base::Sha256 digest;
  std::string pending;
  std::vector<char> block(1 << 18);
  for (bool first = true;;) {
    Signals::wait_readable(fd);
    const ssize_t got = env.read(fd, block.data(), block.size());
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got < 0) {
      throw base::Error(base::ExitCode::kUsage, "cannot read '" + path + "': " + std::strerror(static_cast<int>(-got)));
    }
    if (got == 0) break;
    std::string_view text(block.data(), static_cast<std::size_t>(got));
    digest.add(base::as_bytes(text));
    if (first && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    first = false;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view head = text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
      text.remove_prefix(head.size());
      if (pending.empty() && end != std::string_view::npos) {
        line(head);
        continue;
      }
      pending += head;
      if (pending.size() > kLongestLine) {
        throw base::Error(base::ExitCode::kUsage,
                          "'" + path + "' has a line of more than " + std::to_string(kLongestLine >> 20) + " MiB");
      }
      if (end == std::string_view::npos) break;
      line(pending);
      pending.clear();
    }
  }
  if (!pending.empty()) line(pending);
  return digest.hex();
}

int parameter_of(const schema::Kernel& kernel, const std::string& column, const std::string& path) {
  std::string name = column.starts_with("arg.") ? column.substr(4) : column;
  std::vector<std::string> names;
  for (std::size_t p = 0; p < kernel.parameters.size(); ++p) {
    if (kernel.parameters[p].name == column || kernel.parameters[p].name == name) return static_cast<int>(p);
    names.push_back(kernel.parameters[p].name);
  }
  for (const std::string_view known : {"task", "result", "error", "code", "ok"}) {
    if (column == known || column.starts_with(std::string(known) + ".")) return -1;
  }
  const auto near = base::nearest(column, names);
  throw base::Error(base::ExitCode::kUsage,
                    path + ": column '" + column + "' names no parameter of '" + kernel.name + "'",
                    (near ? "did you mean '" + *near + "'?\n" : "") + kernel.signature);
}

}  // namespace jobhost::cli
