#include "cli/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unfinished.hpp"
#include "cli/output_target.hpp"
#include "cli/signals.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kPollNs = 50'000'000;

/// Waits for the reader of a FIFO, unless interrupted.
base::File open_stream(base::Env& env, const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_NOCTTY;
  int fd = env.open(path, kFlags | O_NONBLOCK);
  for (; fd == -ENXIO; fd = env.open(path, kFlags | O_NONBLOCK)) {
    base::FileStatus status;
    if (env.status(path, status) >= 0 && S_ISCHR(status.mode)) break;  // there is no such device
    Signals::throw_if_asked("interrupted: nobody reads '" + path + "'");
    env.sleep_ns(kPollNs);
  }
  if (fd < 0) base::throw_file_error(fd, "open", path);
  ::fcntl(fd, F_SETFL, kFlags);  // only the opening was not to block
  return base::File::adopt(env, path, fd);
}

std::string unfinished_output(const std::string& path, const std::string& job) {
  return base::unfinished_name(path, "." + job + ".part");
}

}  // namespace

void throw_if_interrupted() { Signals::throw_if_asked("interrupted: the output is not complete"); }

void remove_unfinished_output(base::Env& env, const host::Job& job) {
  const auto& file = job.manifest.output.file;
  if (!job.by_path && !file.empty()) env.remove(unfinished_output(file, job.manifest.job));
}

OutputFile::OutputFile(base::Env& env, std::string path, const std::string& job, Part part,
                       std::function<void()> before_print)
    : env_(env), path_(std::move(path)), before_print_(std::move(before_print)) {
  if (path_.empty()) return;
  const OutputTarget target = output_target(env, path_);
  if (target.stream) {
    file_ = open_stream(env, target.path);
    return;
  }
  path_ = target.path;
  unfinished_ = unfinished_output(path_, part == Part::kOfReader ? job + "." + base::random_hex(env, 4) : job);
  // An earlier owner of the job that does not know yet that it is none any more goes on writing to a file without name.
  env_.remove(unfinished_);
  file_.emplace(env, unfinished_, O_WRONLY | O_CREAT | O_EXCL, 0666);
}

OutputFile::~OutputFile() {
  try {
    if (file_ && !unfinished_.empty() && is_ours()) env_.remove(unfinished_);
  } catch (const base::Error&) {
    // Another owner's is not to be removed.
  }
}

bool OutputFile::is_ours() const {
  base::FileStatus named, open;
  const int failure = env_.status(unfinished_, named);
  if (failure == -ENOENT) return false;
  if (failure < 0) base::throw_file_error(failure, "look at", unfinished_);
  if (const int none = env_.status(file_->fd(), open); none < 0) base::throw_file_error(none, "look at", unfinished_);
  return named.inode == open.inode;
}

void OutputFile::write(std::string_view text) {
  if (!unfinished_.empty()) return file_->write(base::as_bytes(text));
  const int fd = file_ ? file_->fd() : STDOUT_FILENO;
  if (::isatty(fd) == 1) before_print_();
  while (!text.empty()) {
    const ssize_t written = env_.write(fd, text.data(), text.size());
    if (written == -EPIPE) throw ReaderGone();
    if (written == -EINTR || written == -EAGAIN) continue;
    if (written < 0) base::throw_file_error(static_cast<int>(written), "write to", file_ ? path_ : "standard output");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void OutputFile::finish() {
  if (!file_) return;
  if (unfinished_.empty()) return file_->close();
  if (!is_ours()) {
    throw base::Error(base::ExitCode::kOwnedElsewhere, "'" + path_ + "' is being written by another host of the job");
  }
  base::File file = std::move(*file_);
  file_.reset();
  try {
    file.close();
    const int failure = env_.rename(unfinished_, path_);
    if (failure < 0) base::throw_file_error(failure, "rename the finished output to", path_);
  } catch (const base::Error&) {
    env_.remove(unfinished_);
    throw;
  }
}

}  // namespace jobhost::cli
