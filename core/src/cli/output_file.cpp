#include "cli/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/signals.hpp"

namespace jobhost::cli {

OutputFile::OutputFile(base::Env& env, std::string path, const std::string& job, std::function<void()> before_print)
    : env_(env), path_(std::move(path)), before_print_(std::move(before_print)) {
  if (path_.empty()) return;
  unfinished_ = path_ + "." + job + ".part";
  file_.emplace(env, unfinished_, O_WRONLY | O_CREAT | O_TRUNC, 0666);
}

OutputFile::~OutputFile() {
  if (!file_) return;
  file_.reset();
  env_.remove(unfinished_);
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
  file_->close();
  if (const int failure = env_.rename(unfinished_, path_); failure < 0) {
    base::throw_file_error(failure, "rename the finished output to", path_);
  }
  file_.reset();
}

}  // namespace jobhost::cli
