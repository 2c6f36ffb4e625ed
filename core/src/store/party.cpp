#include "store/party.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/beneath.hpp"
#include "base/json_checks.hpp"
#include "base/lag.hpp"
#include "store/seal.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint32_t kLinksPerFile = 32'000;  // ext4 allows 65,000
constexpr std::uint64_t kIdentityLimit = 4096;

std::string first_line(base::Env& env, const std::string& path) {
  base::File file(env, path, O_RDONLY);
  base::Bytes bytes(256);
  bytes.resize(file.read_at(0, bytes));
  const auto text = base::as_text(bytes);
  return std::string(text.substr(0, text.find('\n')));
}

struct Process {
  std::uint64_t start_time = 0;  // 0 when there is none
  char state = 'X';              // as in /proc/<pid>/stat
};

/// Fields 3 and 22 of /proc/<pid>/stat, counted behind the command name, which may hold anything.
Process process_of(base::Env& env, int pid) {
  auto file = base::File::open_if_exists(env, "/proc/" + std::to_string(pid) + "/stat", O_RDONLY);
  if (!file) return {};
  base::Bytes bytes(1024);
  try {
    bytes.resize(file->read_at(0, bytes));
  } catch (const base::Error&) {
    return {};  // ESRCH: it ended between open and read
  }
  const std::string text(base::as_text(bytes));
  std::size_t at = text.rfind(')');
  if (at == std::string::npos || at + 2 >= text.size()) return {};
  const char state = text[at + 2];
  if (state == 'Z' || state == 'X') return {};  // ended, not yet reaped
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  if (at == std::string::npos) return {};
  return {std::strtoull(text.c_str() + at + 1, nullptr, 10), state};
}

std::string folder(const JobDirectory& job, const std::string& id) { return job.workers() + "/" + id.substr(0, 2); }

}  // namespace

Identity make_identity(base::Env& env, const std::string& role) {
  Identity self;
  self.role = role;
  self.id = base::random_hex(env, 16);
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  self.hostname = name;
  self.boot = first_line(env, "/proc/sys/kernel/random/boot_id");
  char space[64] = {};
  if (::readlink("/proc/self/ns/pid", space, sizeof space - 1) > 0) self.pid_space = space;
  self.pid = ::getpid();
  self.start_time = process_of(env, self.pid).start_time;
  return self;
}

std::string to_text(const Identity& identity) {
  const nlohmann::ordered_json json = {{"role", identity.role},
                                       {"id", identity.id},
                                       {"hostname", identity.hostname},
                                       {"boot", identity.boot},
                                       {"pid_space", identity.pid_space},
                                       {"pid", identity.pid},
                                       {"start_time", identity.start_time}};
  return sealed(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) + "\n";
}

Identity identity_from_text(const std::string& text, const std::string& where) {
  const auto damaged = [&](const char* why) {
    return base::Error(base::ExitCode::kDamaged, "'" + where + "' is not a worker's identity: " + why);
  };
  if (seal_of(std::string_view(text).substr(0, text.find('\n'))) == Seal::kWrong) throw damaged("wrong checksum");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) throw damaged("no JSON object");
  try {
    Identity identity;
    identity.role = json.at("role");
    identity.id = json.at("id");
    identity.hostname = json.at("hostname");
    identity.boot = json.at("boot");
    identity.pid_space = json.at("pid_space");
    identity.pid = base::whole_number<int>(json.at("pid"));
    identity.start_time = base::whole_number<std::uint64_t>(json.at("start_time"));
    if (identity.pid <= 0) throw damaged("its pid is none");
    if (identity.id.size() != 32) throw damaged("its id is not 32 hexadecimal digits");
    binary_id(identity.id);
    return identity;
  } catch (const base::Malformed&) {
    throw damaged("a number is out of range");
  } catch (const nlohmann::json::exception&) {
    throw damaged("a field is missing or of another type");
  }
}

Id128 binary_id(const std::string& hex) {
  const auto digit = [&](char c) -> unsigned {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    throw base::Error(base::ExitCode::kDamaged, "'" + hex + "' is not an id of 32 hexadecimal digits");
  };
  Id128 id{};
  if (hex.size() < 32) digit('x');
  for (std::size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<unsigned char>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  return id;
}

Life life_of(base::Env& env, const Identity& identity, const Identity& self) {
  if (identity.boot != self.boot || identity.pid_space != self.pid_space) return Life::kUnknown;
  const Process process = process_of(env, identity.pid);
  if (process.start_time != identity.start_time) return Life::kDead;
  return process.state == 'T' ? Life::kUnknown : Life::kAlive;
}

bool is_suspended(base::Env& env, int pid) { return process_of(env, pid).state == 'T'; }

Party::Party(base::Env& env, JobDirectory job, Identity self)
    : env_(env), job_(std::move(job)), self_(std::move(self)) {
  base::make_directories_beneath(env_, job_.path(), folder(job_, self_.id));
  write_identity();
}

void Party::write_identity() {
  const std::string path = folder(job_, self_.id) + "/" + self_.id + "." + std::to_string(files_) + ".id";
  base::write_file_atomically(env_, path, base::as_bytes(to_text(self_)), false, 0400);
  links_ = 0;
}

bool Party::link_to(const std::string& path) {
  if (links_ >= kLinksPerFile) {
    ++files_;
    write_identity();
  }
  const int answer = env_.link(folder(job_, self_.id) + "/" + self_.id + "." + std::to_string(files_) + ".id", path);
  ++links_;
  // Somebody has the name, but a machine that has just seen that it was free may go on to see that.
  if (answer == -EEXIST) {
    base::FileStatus status;
    base::until_seen(env_, [&] { return env_.status(path, status); });
  }
  try {
    const auto owner = read_identity_if_whole(env_, job_, path);
    return owner && owner->id == self_.id;
  } catch (const base::Error&) {
    if (answer < 0 && answer != -EEXIST) base::throw_file_error(answer, "link", path);
    throw;
  }
}

void Party::beat() {
  ++heartbeat_.beats;
  write_heartbeat();
}

void Party::leave() {
  heartbeat_.left = UINT64_MAX;
  write_heartbeat();
}

void Party::write_heartbeat() {
  base::Bytes bytes;
  base::append_value(bytes, heartbeat_.beats);
  base::append_value(bytes, heartbeat_.left);
  const std::string path = folder(job_, self_.id) + "/" + self_.id + ".hb";
  auto file = base::open_beneath(env_, job_.path(), path, O_WRONLY | O_CREAT);
  file.write(bytes);
  file.close();
}

std::vector<Identity> all_parties(base::Env& env, const JobDirectory& job) {
  std::vector<Identity> parties;
  for (const auto& name : base::list_beneath(env, job.workers())) {
    if (!is_party_folder(name)) continue;
    const std::string path = job.workers() + "/" + name;
    for (const auto& file : base::list_beneath(env, path)) {
      if (!file.ends_with(".0.id") || !is_party_id(file.substr(0, file.size() - 5))) continue;
      if (auto party = read_identity_if_whole(env, job, path + "/" + file)) parties.push_back(std::move(*party));
    }
  }
  return parties;
}

Identity read_identity(base::Env& env, const JobDirectory& job, const std::string& path) {
  const base::Bytes text = base::read_beneath(env, job.path(), path, kIdentityLimit);
  return identity_from_text(std::string(base::as_text(text)), path);
}

std::optional<Identity> read_identity_if_whole(base::Env& env, const JobDirectory& job, const std::string& path) {
  const base::Bytes text = base::read_beneath(env, job.path(), path, kIdentityLimit);
  try {
    return identity_from_text(std::string(base::as_text(text)), path);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

Heartbeat read_heartbeat(base::Env& env, const JobDirectory& job, const std::string& id) {
  const auto file = base::open_beneath_if_exists(env, job.path(), folder(job, id) + "/" + id + ".hb", O_RDONLY);
  std::array<std::uint64_t, 2> words{};
  if (file) file->read_at(0, {reinterpret_cast<unsigned char*>(words.data()), sizeof words});
  return {words[0], words[1]};
}

DeathWatch::DeathWatch(base::Env& env, JobDirectory job, Identity self, std::uint64_t lease_ns)
    : env_(env), job_(std::move(job)), self_(std::move(self)), lease_ns_(lease_ns) {}

bool DeathWatch::dead(const Identity& other) {
  if (other.id == self_.id) return false;
  const auto [beats, left] = read_heartbeat(env_, job_, other.id);
  if (left != 0) return true;
  const Life life = life_of(env_, other, self_);
  if (life != Life::kUnknown) return life == Life::kDead;
  const std::uint64_t now = env_.monotonic_ns();
  auto [seen, fresh] = seen_.try_emplace(other.id, Seen{beats, now});
  if (!fresh && seen->second.beats != beats) seen->second = {beats, now};
  return now - seen->second.since >= lease_ns_;
}

}  // namespace jobhost::store
