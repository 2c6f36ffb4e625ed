#include "cli/output_target.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <climits>
#include <optional>
#include <system_error>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/real_path.hpp"

namespace jobhost::cli {
namespace {

constexpr int kMostLinks = 40;  // as the kernel follows

base::Error refusal(const std::string& path, std::string why) {
  why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
  return base::Error(base::ExitCode::kUsage, "cannot write to '" + path + "': " + why, "choose another name");
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

/// The links of /proc name open files, as /dev/stdout does: what they say is no path.
bool names_open_file(const std::string& link) {
  const auto folder = base::real_path(folder_of(link) + ".");
  return folder && folder->starts_with("/proc/");
}

std::string target_of(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
  if (size < 0) base::throw_file_error(-errno, "follow the link", link);
  const std::string name(target, static_cast<std::size_t>(size));
  return name.starts_with('/') ? name : folder_of(link) + name;
}

/// What a name leads to, standard input for "-"; nothing where there is nothing, or no file that could be replaced.
std::optional<base::FileStatus> file_behind(base::Env& env, const std::string& path) {
  const auto file = path == "-" ? std::nullopt : base::File::open_if_exists(env, path, O_PATH);
  if (!file && path != "-") return std::nullopt;
  base::FileStatus status;
  if (env.status(file ? file->fd() : STDIN_FILENO, status) < 0 || !S_ISREG(status.mode)) return std::nullopt;
  return status;
}

}  // namespace

OutputTarget output_target(base::Env& env, const std::string& path) {
  OutputTarget target{path};
  base::FileStatus status;
  int failure = env.status(path, status);
  for (int links = 0; failure >= 0 && S_ISLNK(status.mode) && !target.stream; ++links) {
    if (links == kMostLinks) throw refusal(path, std::generic_category().message(ELOOP));
    target.stream = names_open_file(target.path);
    if (target.stream) {
      const base::File open(env, target.path, O_PATH);
      failure = env.status(open.fd(), status);
    } else {
      target.path = target_of(target.path);
      failure = env.status(target.path, status);
    }
  }
  if (failure == -ENOENT || failure == -ENOTDIR) {
    const std::string folder = folder_of(target.path);
    if (folder.empty() || base::exists(env, folder)) return target;
    throw base::Error(base::ExitCode::kUsage, "there is no directory '" + folder + "' for '" + path + "'");
  }
  if (failure == -EACCES || failure == -ENAMETOOLONG) {
    throw refusal(path, std::generic_category().message(-failure));
  }
  if (failure < 0) base::throw_file_error(failure, "look at", target.path);
  if (S_ISDIR(status.mode)) throw refusal(path, "it is a directory");
  if (S_ISSOCK(status.mode)) throw refusal(path, "it is a socket");
  if (S_ISBLK(status.mode)) throw refusal(path, "it is a block device");
  target.stream = target.stream || S_ISCHR(status.mode) || S_ISFIFO(status.mode);
  return target;
}

std::string output_path(base::Env& env, const std::string& path) {
  const OutputTarget target = output_target(env, path);
  if (target.stream) throw refusal(path, "it is no file");
  return target.path;
}

void require_no_input(base::Env& env, const std::string& path, const std::vector<bundle::InputFile>& inputs) {
  const auto output = path.empty() ? std::nullopt : file_behind(env, path);
  if (!output) return;
  for (const auto& input : inputs) {
    const auto read = file_behind(env, input.path);
    if (!read || read->device != output->device || read->inode != output->inode) continue;
    throw base::Error(base::ExitCode::kUsage,
                      "'" + path + "' is a file that inputs are read from, and rows would take its place",
                      "choose another name with -o");
  }
}

}  // namespace jobhost::cli
