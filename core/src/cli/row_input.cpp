#include "cli/row_input.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/suggest.hpp"

namespace jobhost::cli {

std::string name_of_file(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string for_each_line(base::Env& env, const std::string& path, const std::function<void(std::string_view)>& line) {
  std::optional<base::File> file;
  if (path != "-") {
    file = base::File::open_if_exists(env, path, O_RDONLY);
    if (!file) throw base::Error(base::ExitCode::kUsage, "there is no file '" + path + "'");
  }
  base::Sha256 digest;
  std::string pending;
  std::vector<char> block(1 << 18);
  for (bool first = true;;) {
    const ssize_t got = env.read(file ? file->fd() : 0, block.data(), block.size());
    if (got == -EINTR) continue;
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
