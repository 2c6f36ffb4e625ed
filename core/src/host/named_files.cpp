#include "host/named_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "bundle/pack_reader.hpp"
#include "schema/strings.hpp"

namespace jobhost::host {
namespace {

using ReadBy = bundle::InputFile::ReadBy;

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

bool can_be_a_name(std::string_view text) {
  return !text.empty() && text != "-" && text.find('\0') == std::string::npos;
}

/// "" where the name is no regular file's, or it cannot be read.
std::string digest_of(base::Env& env, const std::string& path) {
  const int fd = env.open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return "";
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
  return sha256;
}

}  // namespace

Names names_in_inputs(base::Env& env, const bundle::Inputs& inputs, const schema::Kernel& kernel,
                      const std::string& job_directory) {
  Names names;
  for (const auto& axis : inputs.axes) {
    for (const auto& source : axis.sources) {
      if (kernel.parameters[source.parameter].type.kind != schema::Kind::kString) continue;
      for_each_value(env, inputs, axis, source, kernel, job_directory,
                     [&](base::ByteView value) { names.insert(base::ByteReader(value).text()); });
    }
  }
  return names;
}

Names names_of_task(base::Env& env, const Job& job, std::uint64_t task) {
  const auto& kernel = job.manifest.kernel;
  bundle::InputReader inputs(env, job.manifest.inputs, kernel, job.directory.path());
  std::vector<jobhost_column> columns;
  inputs.read(task, 1, columns);
  Names names;
  for (std::size_t p = 0; p < columns.size(); ++p) {
    if (kernel.parameters[p].type.kind != schema::Kind::kString) continue;
    names.insert(base::ByteReader(bundle::value_at(columns[p], 0)).text());
  }
  return names;
}

Names names_in(const std::vector<Captured>& values) {
  Names names;
  for (const auto& one : values) {
    if (!one.type) continue;
    base::ByteReader reader(one.value);
    schema::for_each_string(*one.type, reader, [&](std::string_view text) { names.emplace(text); });
  }
  return names;
}

Names names_in_context(const bundle::Manifest& manifest, const Descriptions& descriptions) {
  Names names = names_in(captured_globals(manifest, descriptions));
  names.merge(names_in(initialiser_arguments(manifest, descriptions)));
  return names;
}

std::string path_from(const std::string& folder, const std::string& name) {
  return folder.empty() || name.starts_with('/') ? name : folder + "/" + name;
}

void add_named_files(base::Env& env, const Names& names, ReadBy read_by, const std::string& folder,
                     std::vector<bundle::InputFile>& files) {
  std::map<std::string, std::size_t> known;
  std::size_t found = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    known.emplace(files[i].path, i);
    if (files[i].read_by != ReadBy::kHost) ++found;
  }
  for (const auto& name : names) {
    if (!can_be_a_name(name)) continue;
    if (const auto old = known.find(name); old != known.end()) {
      files[old->second].read_by = std::max(files[old->second].read_by, read_by);
      continue;
    }
    std::string sha256 = digest_of(env, path_from(folder, name));
    if (sha256.empty()) continue;
    if (++found > kMostNamedFiles) {
      throw base::Error(base::ExitCode::kUsage,
                        "--hash-inputs: the values name more than " + std::to_string(kMostNamedFiles) + " files",
                        "leave it out, or run fewer tasks at once");
    }
    files.push_back({name, std::move(sha256), read_by});
  }
}

std::vector<bundle::InputFile> files_of_now(base::Env& env, const Job& job) {
  const auto& manifest = job.manifest;
  auto files = manifest.provenance.files;
  if (std::erase_if(files, [](const auto& file) { return file.read_by != ReadBy::kHost; }) == 0) return files;
  const auto& folder = manifest.context.working_directory;
  add_named_files(env, names_in_inputs(env, manifest.inputs, manifest.kernel, job.directory.path()), ReadBy::kTasks,
                  folder, files);
  add_named_files(env, names_in_context(manifest, descriptions_of(env, job)), ReadBy::kEveryTask, folder, files);
  return files;
}

std::vector<std::string> changed_files(base::Env& env, const bundle::Manifest& manifest, const Names* names,
                                       const std::string& folder) {
  std::vector<std::string> sentences;
  for (const auto& file : manifest.provenance.files) {
    if (file.read_by == ReadBy::kHost) continue;
    if (file.read_by == ReadBy::kTasks && names && !names->contains(file.path)) continue;
    const std::string now = digest_of(env, path_from(folder, file.path));
    if (now == file.sha256) continue;
    sentences.push_back("'" + file.path + "' " +
                        (now.empty() ? "can no longer be read" : "has changed since the job was submitted"));
  }
  return sentences;
}

}  // namespace jobhost::host
