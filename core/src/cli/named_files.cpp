#include "cli/named_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <functional>
#include <set>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "bundle/pack_reader.hpp"

namespace jobhost::cli {
namespace {

/// Each value that the source has, without repeating it for every task.
void for_each_value(base::Env& env, const bundle::Inputs& inputs, const bundle::Axis& axis,
                    const bundle::Source& source, const schema::Kernel& kernel, const std::string& job_directory,
                    const std::function<void(base::ByteView)>& use) {
  if (const auto* constant = std::get_if<bundle::Constant>(&source.values)) return use(constant->value);
  const auto* stored = std::get_if<bundle::Stored>(&source.values);
  if (!stored) return;
  bundle::PackReader pack(env, job_directory, inputs.packs[stored->pack],
                          bundle::column_sizes(stored->pack, inputs, kernel));
  std::vector<jobhost_column> columns;
  for (std::uint64_t row = 0; row < axis.length;) {
    const std::uint64_t n = std::min(axis.length - row, pack.rows_from(row, columns));
    for (std::uint64_t i = 0; i < n; ++i) use(bundle::value_at(columns[stored->column], i));
    row += n;
  }
}

}  // namespace

void add_named_files(base::Env& env, const bundle::Inputs& inputs, const schema::Kernel& kernel,
                     const std::string& job_directory, std::vector<bundle::InputFile>& files) {
  std::set<std::string> seen;
  for (const auto& file : files) seen.insert(file.path);
  std::size_t found = 0;
  const auto take = [&](base::ByteView value) {
    const std::string path = base::ByteReader(value).text();
    if (path.empty() || path.find('\0') != std::string::npos || !seen.insert(path).second) return;
    const int fd = env.open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0) return;
    base::FileStatus status;
    std::string sha256;
    try {
      const bool regular = env.status(fd, status) >= 0 && S_ISREG(status.mode);
      if (regular) sha256 = base::sha256_hex_of_file(env, fd, path);
    } catch (...) {
      env.close(fd);
      throw;
    }
    env.close(fd);
    if (sha256.empty()) return;
    if (++found > kMostNamedFiles) {
      throw base::Error(base::ExitCode::kUsage,
                        "--hash-inputs: the values name more than " + std::to_string(kMostNamedFiles) + " files",
                        "leave it out, or run fewer tasks at once");
    }
    files.push_back({path, std::move(sha256)});
  };
  for (const auto& axis : inputs.axes) {
    for (const auto& source : axis.sources) {
      if (kernel.parameters[source.parameter].type.kind != schema::Kind::kString) continue;
      for_each_value(env, inputs, axis, source, kernel, job_directory, take);
    }
  }
}

}  // namespace jobhost::cli
