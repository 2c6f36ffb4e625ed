#include "worker/globals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.hpp"
#include "worker/surroundings.hpp"

namespace jobhost::worker {
namespace {

enum Answer : unsigned char { kValues, kError };

/// Ends of a pipe, closed with this object.
struct Pipe {
  int out = -1, in = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) base::throw_file_error(-errno, "make", "pipe");
    out = ends[0];
    in = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(out);
    close_in();
  }
  void close_in() {
    if (in >= 0) ::close(in);
    in = -1;
  }
};

base::Bytes read_to_end(base::Env& env, int fd) {
  base::Bytes bytes;
  unsigned char buffer[1 << 16];
  for (ssize_t size; (size = env.read(fd, buffer, sizeof buffer)) != 0;) {
    if (size < 0 && size != -EINTR) base::throw_file_error(static_cast<int>(size), "read", "pipe");
    if (size > 0) bytes.insert(bytes.end(), buffer, buffer + size);
  }
  return bytes;
}

void write_all(base::Env& env, int fd, base::ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t size = env.write(fd, bytes.data(), bytes.size());
    if (size < 0 && size != -EINTR) return;  // nobody wants to know any more
    if (size > 0) bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

base::Error ended_early(const Plan& plan, const base::ExitStatus& status) {
  return {base::ExitCode::kPluginRefused,
          "'" + plan.plugin + "' ends the process that loads it" +
              (status.signaled ? std::string(": ") + ::strsignal(status.code)
                               : " with exit code " + std::to_string(status.code)),
          "its global variables are initialised when it is loaded: look there"};
}

}  // namespace

std::vector<std::optional<base::Bytes>> read_globals(base::Env& env, const std::string& libexec, const Plan& plan,
                                                     const std::vector<GlobalGetter>& getters) {
  const ControlMemory control(1, plan);
  Pipe pipe;
  base::SpawnRequest request;
  request.program = libexec + "/jobhost-executor";
  const auto manifest = bundle::manifest_from_json(plan.manifest_json, plan.job_directory + "/MANIFEST");
  auto [arguments, environment] = surroundings_of(manifest.context, plan);
  std::vector<std::string> orders = {std::to_string(control.fd()), "globals", std::to_string(pipe.in)};
  for (const auto& getter : getters) orders.insert(orders.end(), {getter.library, getter.symbol});
  environment.push_back(orders_variable(orders));
  request.arguments = std::move(arguments);
  request.environment = std::move(environment);
  request.out = request.err = STDERR_FILENO;
  request.keep = {control.fd(), pipe.in};
  const int pid = env.spawn(request);
  if (pid < 0) base::throw_file_error(pid, "start", request.program);
  pipe.close_in();
  const base::Bytes answer = read_to_end(env, pipe.out);
  base::ExitStatus status;
  env.wait(pid, true, status);
  if (answer.empty()) throw ended_early(plan, status);
  base::ByteReader reader(answer);
  if (reader.value<unsigned char>() == kError) {
    const auto code = static_cast<base::ExitCode>(reader.value<std::int32_t>());
    const std::string what = reader.text();
    throw base::Error(code, what, reader.text());
  }
  std::vector<std::optional<base::Bytes>> values(getters.size());
  for (auto& value : values) {
    if (reader.value<unsigned char>() == 0) continue;
    const auto bytes = reader.take(reader.value<std::uint64_t>());
    value.emplace(bytes.begin(), bytes.end());
  }
  return values;
}

void tell_globals(base::Env& env, const std::function<std::unique_ptr<PreparedJob>()>& load,
                  const std::vector<std::string>& words) {
  base::Bytes answer;
  try {
    const auto job = load();
    answer.push_back(kValues);
    for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
      const auto value = job->plugin().get_global(words[i + 1], words[i]);
      answer.push_back(value ? 1 : 0);
      if (value) base::append_text(answer, base::as_text(*value));
    }
  } catch (const base::Error& error) {
    answer = {kError};
    base::append_value(answer, static_cast<std::int32_t>(error.code()));
    base::append_text(answer, error.what());
    base::append_text(answer, error.hint());
  }
  write_all(env, std::stoi(words[0]), answer);
  std::fflush(nullptr);
  ::_exit(0);
}

}  // namespace jobhost::worker
