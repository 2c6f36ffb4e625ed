#include <linux/magic.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/lag.hpp"
#include "base/program.hpp"
#include "base/trust.hpp"
#include "cli/capsule.hpp"
#include "cli/document.hpp"
#include "cli/session.hpp"
#include "cli/tables.hpp"
#include "jobhost/sdk/version.h"
#include "worker/stage.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kPatienceNs = 5'000'000'000;

enum class Need { kAlways, kSometimes };

struct Finding {
  std::string what;
  std::string trouble;  // "missing" or "broken"; "" when it is fine
  std::string found, remedy;
  Need need = Need::kSometimes;  // always: no job can run without it
};

Finding fine(const std::string& what, const std::string& found) { return {what, "", found, "", Need::kSometimes}; }

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// A program in PATH that may be asked something by which it proves that it works.
Finding program(base::Env& env, const std::string& what, const std::string& name, const std::string& remedy,
                std::vector<std::string> question = {}) {
  const std::string path = name.starts_with('/') ? name : base::program_path(name);
  if (path.empty() || ::access(path.c_str(), X_OK) != 0) return {what, "missing", "no '" + name + "' in PATH", remedy};
  if (question.empty()) return fine(what, path);
  question.insert(question.begin(), path);
  const auto end = base::run_program(env, question, kPatienceNs);
  if (!end.succeeded()) return {what, "broken", path + ": " + end.why(), remedy};
  const std::string said = first_line(end.printed);
  return fine(what, said.empty() ? path : path + ", " + said);
}

/// A program that comes with jobhost. Without arguments it ends at once; what the loader lacks for it, of `package`,
/// ends it with 127.
Finding part(base::Env& env, const std::string& name, Need need, const std::string& package,
             const std::string& remedy = "install jobhost again: its parts stay together") {
  constexpr int kNotLoaded = 127;
  const std::string path = Session::libexec() + "/" + name;
  if (::access(path.c_str(), X_OK) != 0) return {name, "missing", "no '" + path + "'", remedy, need};
  const auto end = base::run_program(env, {path}, kPatienceNs);
  if (end.status.signaled || end.status.code != kNotLoaded) return fine(name, path);
  return {name, "broken", end.why(), "apt-get install " + package, need};
}

/// "nfs", or the number that no name is known for.
std::string name_of_file_system(std::int64_t kind) {
  static const std::map<std::int64_t, const char*> kNames = {
      {EXT4_SUPER_MAGIC, "ext4"}, {XFS_SUPER_MAGIC, "xfs"},   {BTRFS_SUPER_MAGIC, "btrfs"},
      {TMPFS_MAGIC, "tmpfs"},     {NFS_SUPER_MAGIC, "nfs"},   {OVERLAYFS_SUPER_MAGIC, "overlay"},
      {FUSE_SUPER_MAGIC, "fuse"}, {0x2fc12fc1, "zfs"},        {CIFS_SUPER_MAGIC, "cifs"},
      {SMB2_SUPER_MAGIC, "smb2"}, {CEPH_SUPER_MAGIC, "ceph"}, {0x0bd00bd0, "lustre"},
      {0x47504653, "gpfs"},       {0x19830326, "beegfs"}};
  const auto known = kNames.find(kind);
  char number[32];
  std::snprintf(number, sizeof number, "type %#llx", static_cast<unsigned long long>(kind));
  return known == kNames.end() ? number : known->second;
}

/// Whether jobs can be made there: a file, and a second name for it, in the folder or the nearest that exists.
Finding folder(base::Env& env, const std::string& what, const std::string& path, const std::string& remedy) {
  std::string nearest = base::absolute_path(path);
  while (!base::exists(env, nearest) && nearest.rfind('/') != 0) nearest = nearest.substr(0, nearest.rfind('/'));
  const std::string probe = nearest + "/.jobhost-" + base::random_hex(env, 4), second = probe + ".link";
  try {
    const auto notes = base::require_safe_place(env, nearest);
    base::write_file_atomically(env, probe, base::as_bytes("probe"), false);
    const int linked = env.link(probe, second);
    env.remove(second);
    env.remove(probe);
    if (linked < 0) return {what, "broken", "no hard links in '" + nearest + "'", remedy, Need::kAlways};
    return fine(what, path + " (" + name_of_file_system(env.file_system(nearest)) +
                          (base::may_lag(env, nearest) ? ", shared with other machines" : ", of this machine only") +
                          ")" + (notes.empty() ? "" : "; " + notes.front()));
  } catch (const base::Error& error) {
    return {what, "broken", error.what(), error.hint().empty() ? remedy : error.hint(), Need::kAlways};
  }
}

Finding code_cache(base::Env& env) {
  const std::string remedy = "let XDG_CACHE_HOME name another directory";
  try {
    return folder(env, "code cache", worker::private_cache(env), remedy);
  } catch (const base::Error& error) {
    return {"code cache", "broken", error.what(), error.hint().empty() ? remedy : error.hint(), Need::kAlways};
  }
}

std::string size_text(rlim_t bytes) {
  constexpr rlim_t kKiB = 1 << 10, kMiB = 1 << 20;
  return bytes >= kMiB ? std::to_string(bytes / kMiB) + " MiB" : std::to_string(bytes / kKiB) + " KiB";
}

/// `flag`: of the shell's ulimit.
Finding limit(const std::string& what, __rlimit_resource resource, rlim_t least, char flag, bool in_bytes) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  const auto text = [&](rlim_t value) {
    return value == RLIM_INFINITY ? "unlimited" : in_bytes ? size_text(value) : std::to_string(value);
  };
  if (limit.rlim_cur >= least) return fine(what, text(limit.rlim_cur));
  std::string remedy = std::string("ulimit -") + flag;
  remedy += limit.rlim_max == RLIM_INFINITY ? " unlimited"
                                            : " " + std::to_string(in_bytes ? limit.rlim_max >> 10 : limit.rlim_max);
  if (limit.rlim_max < least) remedy = "/etc/security/limits.conf allows no more; ask who looks after this machine";
  return {what, "broken", text(limit.rlim_cur) + ", less than " + text(least), remedy};
}

Finding core_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_CORE, &limit);
  return fine("core files", limit.rlim_cur == 0 ? "none are written; crashes are told with their stacks all the same"
                                                : "crashing tasks may write them (ulimit -c 0 turns them off)");
}

Finding proc() {
  if (!Session::program().empty()) return fine("/proc", "mounted");
  return {"/proc", "missing", "not mounted", "mount -t proc proc /proc", Need::kAlways};
}

Finding compiler(base::Env& env) {
  const char* set = std::getenv("CXX");
  const std::string name = set && *set ? set : "g++";
  const std::string remedy = "apt-get install g++ (11 or newer), or let CXX name one; builds FILE.cpp:KERNEL";
  Finding found = program(env, "compiler", name, remedy, {"-std=gnu++20", "-fsyntax-only", "-x", "c++", "/dev/null"});
  return found.trouble.empty() ? program(env, "compiler", name, remedy, {"--version"}) : found;
}

Finding headers(base::Env& env) {
  const std::string path = Session::include() + "/jobhost/sdk";
  if (base::exists(env, path + "/abi.h")) return fine("headers", path);
  return {"headers", "missing", path, "apt-get install libjobhost-dev; builds FILE.cpp:KERNEL"};
}

std::vector<Finding> slurm(base::Env& env) {
  const std::string package = "apt-get install slurm-client";
  std::vector<Finding> found{program(env, "Slurm", "sbatch", package + "; for -b slurm")};
  if (!found[0].trouble.empty()) return found;
  if (const std::string scontrol = base::program_path("scontrol"); !scontrol.empty()) {
    const auto end = base::run_program(env, {scontrol, "ping"}, kPatienceNs);
    if (!end.succeeded()) {
      found[0] = {"Slurm", "broken", "its controller does not answer: " + end.why(),
                  "is this a machine of the cluster? try: scontrol ping"};
    }
  }
  found.push_back(program(env, "sacct", "sacct", package + "; says why Slurm ended workers"));
  return found;
}

Finding mpi(base::Env& env) {
  return program(env, "MPI", "mpirun", "apt-get install openmpi-bin, or mpich; for -b mpi", {"--version"});
}

/// The first Python in PATH need not be the one that the system's packages are for.
Finding reader(base::Env& env) {
  constexpr const char* kSystems = "/usr/bin/python3";
  const std::string remedy = "apt-get install python3-numpy; reads results in Python";
  const auto ask = [&](const std::string& name) {
    return program(env, "Python", name, remedy,
                   {"-I", "-c",
                    "import importlib.util as u, platform as p; "
                    "print(p.python_version(), 'with' if u.find_spec('numpy') else 'without', 'NumPy')"});
  };
  const Finding python = ask("python3");
  if (!python.found.ends_with("without NumPy")) return python;
  const std::string path = base::program_path("python3");
  if (path == kSystems || path == "/bin/python3") return {"Python", "missing", python.found, remedy};
  const bool there = ask(kSystems).found.ends_with("with NumPy");
  return {"Python", "missing", python.found,
          std::string(there ? "/usr/bin/python3 has it, or: " : "") +
              "python3 -m pip install numpy; reads results in Python"};
}

std::vector<Finding> examine(Session& session) {
  constexpr rlim_t kMiB = 1 << 20;
  base::Env& env = session.env;
  std::vector<Finding> findings = {
      proc(),
      part(env, "jobhost-executor", Need::kAlways, "libstdc++6"),
      part(env, "jobhost-executor-tbb", Need::kSometimes, "libtbb12; for -b threads"),
      part(env, "jobhost-scan", Need::kSometimes, "libstdc++6; builds FILE.cpp:KERNEL"),
      part(env, "jobhost-dashboard", Need::kSometimes, "libcpp-httplib0.11; for jobhost dashboard"),
      part(env, "jobhost-hdf5", Need::kSometimes, "libhdf5-103-1 libhdf5-hl-100; for results in .h5 files",
           "apt-get install jobhost-hdf5; for results in .h5 files"),
      folder(env, "store", session.store().path(), "let JOBHOST_STORE or --store name another directory"),
      code_cache(env),
      folder(env, "temporary files", TemporaryDirectory::parent(), "let TMPDIR name another directory"),
      limit("processes", RLIMIT_NPROC, 64, 'u', false),
      limit("open files", RLIMIT_NOFILE, 256, 'n', false),
      limit("file size", RLIMIT_FSIZE, 1024 * kMiB, 'f', true),
      limit("stack", RLIMIT_STACK, kMiB, 's', true),
      limit("memory", RLIMIT_AS, 1024 * kMiB, 'v', true),
      core_files(),
      compiler(env),
      headers(env),
      program(env, "cmake", "cmake", "apt-get install cmake; builds plugins of projects", {"--version"}),
      program(env, "git", "git", "apt-get install git; records the commit of what is built", {"--version"}),
      program(env, "gdb", "gdb", "apt-get install gdb; for jobhost replay --gdb"),
      program(env, "tar", "tar", "apt-get install tar; for jobhost export JOB/TASK")};
  for (auto& finding : slurm(env)) findings.push_back(std::move(finding));
  findings.push_back(mpi(env));
  findings.push_back(program(env, "ssh", "ssh", "apt-get install openssh-client; mpirun reaches other machines by it"));
  findings.push_back(reader(env));
  return findings;
}

void doctor(Session& session, bool json) {
  const auto findings = examine(session);
  bool fit = true;
  Json list = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& finding : findings) {
    const bool well = finding.trouble.empty();
    fit = fit && (well || finding.need != Need::kAlways);
    const std::string state = well ? "ok" : finding.trouble;
    list.push_back({{"what", finding.what}, {"state", state}, {"detail", finding.found}, {"hint", finding.remedy}});
    rows.push_back({state, finding.what, base::printable(finding.found + (well ? "" : ": " + finding.remedy))});
  }
  if (!fit) session.exit_code = static_cast<int>(base::ExitCode::kBackendFailed);
  if (json) return print_document({{"version", JOBHOST_VERSION}, {"fit", fit}, {"findings", std::move(list)}});
  print_table({{"STATE"}, {"WHAT"}, {"FOUND, OR HOW TO MEND IT"}}, rows);
  std::printf(fit ? "jobs can run here\n" : "jobs cannot run here until what is said above is mended\n");
}

}  // namespace

void add_doctor_command(CLI::App& app, Session& session) {
  auto json = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("doctor", "Say what works here, and how to mend what does not");
  command->add_flag("--json", *json, "Print one JSON document");
  command->callback([&session, json] { doctor(session, *json); });
  command->footer("Exit code 4: no job can run here. What else is missing is only needed for what is said beside it.");
}

}  // namespace jobhost::cli
