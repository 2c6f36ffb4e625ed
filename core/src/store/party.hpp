#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "store/job_directory.hpp"
#include "store/log_writer.hpp"

namespace jobhost::store {

/// Who takes part in a job: a supervisor or a host. Immutable once written; claims are hard links to it.
struct Identity {
  std::string role;  // "worker" or "host"
  std::string id;    // 32 hexadecimal digits, random per start
  std::string hostname;
  std::string boot;       // the kernel's boot id
  std::string pid_space;  // pid namespace
  int pid = 0;
  std::uint64_t start_time = 0;  // of that process, in clock ticks since boot
};

/// This process, with a fresh id.
Identity make_identity(base::Env& env, const std::string& role);

std::string to_text(const Identity& identity);
/// Throws Error(kDamaged) when the text is not an identity or its id is not 32 hexadecimal digits.
Identity identity_from_text(const std::string& text, const std::string& where);

Id128 binary_id(const std::string& hex);

enum class Life { kAlive, kDead, kUnknown };

/// Certain only for a process of the same boot and pid namespace that is not suspended; anything else is kUnknown and
/// needs a lease.
Life life_of(base::Env& env, const Identity& identity, const Identity& self);

/// Whether a process of this machine is suspended (SIGSTOP); one that a debugger holds is not.
bool is_suspended(base::Env& env, int pid);

struct Heartbeat {
  std::uint64_t beats = 0;  // 0 before the first
  std::uint64_t left = 0;   // no longer 0 once the party ended in good order
};

/// Files of a party beneath workers/: `<hh>/<id>.<k>.id` and `<hh>/<id>.hb`.
class Party {
 public:
  /// Writes the first identity file. `self` is kept.
  Party(base::Env& env, JobDirectory job, Identity self);

  const Identity& self() const { return self_; }
  /// Hard-links the identity to `path`, which must not exist. True when the name is now ours; the answer of link() is
  /// not trusted: the name is opened and its owner compared. A new identity file starts every 32,000 links.
  bool link_to(const std::string& path);
  /// Counts the heartbeat up by one.
  void beat();
  /// Says that nothing more will be written, so that others need not wait for a lease to take over.
  void leave();

 private:
  void write_identity();
  void write_heartbeat();

  base::Env& env_;
  JobDirectory job_;
  Identity self_;
  std::uint32_t links_ = 0, files_ = 0;
  Heartbeat heartbeat_;
};

/// Everybody who ever took part in the job, in no order; identities whose text is damaged are left out.
std::vector<Identity> all_parties(base::Env& env, const JobDirectory& job);

/// The identity behind a link; throws Error(kDamaged) when it is none.
Identity read_identity(base::Env& env, const JobDirectory& job, const std::string& path);
/// Nothing when its text is none: identities are not synced, so a power cut may leave their names without them. What a
/// power cut does not leave, such as a FIFO of that name, is Error(kDamaged) here, too.
std::optional<Identity> read_identity_if_whole(base::Env& env, const JobDirectory& job, const std::string& path);

/// All zero when there is no heartbeat.
Heartbeat read_heartbeat(base::Env& env, const JobDirectory& job, const std::string& id);

/// Decides from one place and its own monotonic clock whether others are dead: at once when they left or where the
/// process can be looked at, else when their heartbeat has stood still for `lease_ns`.
class DeathWatch {
 public:
  DeathWatch(base::Env& env, JobDirectory job, Identity self, std::uint64_t lease_ns);
  bool dead(const Identity& other);

 private:
  struct Seen {
    std::uint64_t beats = 0, since = 0;
  };
  base::Env& env_;
  JobDirectory job_;
  Identity self_;
  std::uint64_t lease_ns_;
  std::map<std::string, Seen> seen_;
};

}  // namespace jobhost::store
