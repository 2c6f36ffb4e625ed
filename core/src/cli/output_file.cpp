#include "cli/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/signals.hpp"

namespace jobhost::cli {

namespace {

std::string unfinished_output(const std::string& path, const std::string& job) { return path + "." + job + ".part"; }

}  // namespace

void remove_unfinished_output(base::Env& env, const bundle::Manifest& manifest) {
  if (!manifest.output.file.empty()) env.remove(unfinished_output(manifest.output.file, manifest.job));
}

OutputFile::OutputFile(base::Env& env, std::string path, const std::string& job, Part part,
                       std::function<void()> before_print)
    : env_(env), path_(std::move(path)), before_print_(std::move(before_print)) {
  if (path_.empty()) return;
  unfinished_ = unfinished_output(path_, part == Part::kOfReader ? job + "." + base::random_hex(env, 4) : job);
  // An earlier owner of the job that does not know yet that it is none any more goes on writing to a file without name.
  env_.remove(unfinished_);
  file_.emplace(env, unfinished_, O_WRONLY | O_CREAT | O_EXCL, 0666);
}

OutputFile::~OutputFile() {
  if (file_ && is_ours()) env_.remove(unfinished_);
}

bool OutputFile::is_ours() const {
  base::FileStatus named, open;
  return env_.status(unfinished_, named) >= 0 && env_.status(file_->fd(), open) >= 0 && named.inode == open.inode;
}

void OutputFile::write(std::string_view text) {
  if (file_) return file_->write(base::as_bytes(text));
  if (::isatty(STDOUT_FILENO) == 1) before_print_();
  while (!text.empty()) {
    const ssize_t written = env_.write(STDOUT_FILENO, text.data(), text.size());
    if (written == -EPIPE) throw ReaderGone();
    if (written == -EINTR || written == -EAGAIN) continue;
    if (written < 0) base::throw_file_error(static_cast<int>(written), "write to", "standard output");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void OutputFile::finish() {
  if (!file_) return;
  if (!is_ours()) {
    throw base::Error(base::ExitCode::kOwnedElsewhere, "'" + path_ + "' is being written by another host of the job");
  }
  file_->close();
  file_.reset();
  if (const int failure = env_.rename(unfinished_, path_); failure < 0) {
    env_.remove(unfinished_);
    base::throw_file_error(failure, "rename the finished output to", path_);
  }
}

}  // namespace jobhost::cli
