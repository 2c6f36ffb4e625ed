#include "worker/globals.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.hpp"
#include "worker/prepared_job.hpp"
#include "worker/surroundings.hpp"

namespace jobhost::worker {
namespace {

enum Answer : unsigned char { kValues, kError };

/// Memory of both processes: what is asked, and behind it the answer.
class Letter {
 public:
  explicit Letter(base::Env& env) : env_(env), fd_(::memfd_create("jobhost-globals", MFD_CLOEXEC)) {
    if (fd_ < 0) base::throw_file_error(-errno, "make", "shared memory");
  }
  Letter(base::Env& env, int fd) : env_(env), fd_(fd) {}  // inherited
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;
  ~Letter() { env_.close(fd_); }

  int fd() const { return fd_; }
  /// Where the process that wrote last stopped: both share one position.
  void append(base::ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t size = env_.write(fd_, bytes.data(), bytes.size());
      if (size < 0 && size != -EINTR) base::throw_file_error(static_cast<int>(size), "write", "shared memory");
      if (size > 0) bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
  }
  base::Bytes from(std::uint64_t offset) const {
    base::Bytes bytes;
    unsigned char buffer[1 << 16];
    for (ssize_t size; (size = env_.pread(fd_, buffer, sizeof buffer, offset + bytes.size())) > 0;) {
      bytes.insert(bytes.end(), buffer, buffer + size);
    }
    return bytes;
  }

 private:
  base::Env& env_;
  int fd_;
};

base::Error ended_early(const Plan& plan, const base::ExitStatus& status) {
  return {base::ExitCode::kPluginRefused,
          "'" + plan.plugin + "' ends the process that loads it" +
              (status.signaled ? std::string(": ") + ::strsignal(status.code)
                               : " with exit code " + std::to_string(status.code)),
          "its global variables are initialised when it is loaded: look there"};
}

base::Bytes values_of(const LoadedPlugin& plugin, base::ByteReader& asked) {
  base::Bytes answer = {kValues};
  while (asked.remaining() > 0) {
    const std::string library = asked.text();
    const auto value = plugin.get_global(asked.text(), library);
    answer.push_back(value ? 1 : 0);
    if (value) base::append_text(answer, base::as_text(*value));
  }
  return answer;
}

}  // namespace

std::vector<std::optional<base::Bytes>> read_globals(base::Env& env, const std::string& libexec, Plan plan,
                                                     const bundle::Manifest& manifest,
                                                     const std::vector<GlobalGetter>& getters,
                                                     const std::function<bool()>& interrupted) {
  constexpr std::uint64_t kLookNs = 1'000'000;
  plan.manifest_json = bundle::to_json(manifest);
  const ControlMemory control(1, plan);
  base::Bytes asked;
  for (const auto& getter : getters) {
    base::append_text(asked, getter.library);
    base::append_text(asked, getter.symbol);
  }
  Letter letter(env);
  letter.append(asked);
  base::SpawnRequest request;
  request.program = libexec + "/jobhost-executor";
  auto [arguments, environment] = surroundings_of(manifest.context, plan);
  request.arguments = std::move(arguments);
  request.environment = std::move(environment);
  request.environment.push_back(
      orders_variable({std::to_string(control.fd()), "globals", std::to_string(letter.fd())}));
  request.out = request.err = STDERR_FILENO;
  request.keep = {control.fd(), letter.fd()};
  const int pid = env.spawn(request);
  if (pid < 0) base::throw_file_error(pid, "start", request.program);
  base::ExitStatus status;
  while (env.wait(pid, false, status) != pid) {
    if (interrupted()) env.kill(pid, SIGKILL);
    env.sleep_ns(kLookNs);
  }
  const base::Bytes answer = letter.from(asked.size());
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

void tell_globals(base::Env& env, const std::vector<std::string>& orders) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // code that never returns is not left behind
  Letter letter(env, std::stoi(orders[2]));
  const base::Bytes asked = letter.from(0);
  base::Bytes answer;
  try {
    const ControlMemory control(std::stoi(orders[0]));  // open as long as this process may start again
    const Plan plan = control.plan();
    const auto manifest = bundle::manifest_from_json(plan.manifest_json, plan.job_directory + "/MANIFEST");
    start_again_unless_surrounded(manifest.context, plan, orders);
    const PreparedJob job(env, manifest, plan, {}, [](const store::Note& note) {
      if (!note.text.empty()) std::fprintf(stderr, "note: %s\n", note.text.c_str());
    });
    base::ByteReader reader(asked);
    answer = values_of(job.plugin(), reader);
  } catch (const base::Error& error) {
    answer = {kError};
    base::append_value(answer, static_cast<std::int32_t>(error.code()));
    base::append_text(answer, error.what());
    base::append_text(answer, error.hint());
  }
  letter.append(answer);
  std::fflush(nullptr);
  ::_exit(0);
}

}  // namespace jobhost::worker
