// Truncates every file of jobs at every byte and flips every bit of them, one at a time and in place, and looks at what
// readers and `verify` make of it. usage: damage [--each N] [--seed S] [--minimum N] JOB...
//   --each N   of what can be done to a file, about N things, chosen at random (0: everything)
// Files that are links of each other count once. Ends with 1 when a wrong result was accepted, more than one frame was
// lost, what is lost could not be added again, or damage went unnoticed that something could tell.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "host/result_stream.hpp"
#include "host/verification.hpp"
#include "store/log_set.hpp"
#include "store/party.hpp"

using namespace jobhost;

namespace {

struct Counts {
  std::uint64_t files = 0, truncations = 0, flips = 0, refused = 0, worst = 0, unnoticed = 0, meaningless = 0, bad = 0;
};

/// What stands for the outcome of a task.
using Outcomes = std::map<std::uint64_t, base::Bytes>;

base::Bytes bytes_of(const store::Failure& failure) {
  base::Bytes bytes;
  store::encode(failure, bytes);
  return bytes;
}

Outcomes read_outcomes(base::Env& env, const host::Job& job) {
  Outcomes outcomes;
  host::ResultStream stream(env, job);
  stream.poll();
  while (const host::Block* block = stream.next_available()) {
    for (std::uint64_t i = 0; i < block->count; ++i) {
      base::Bytes& bytes = outcomes[block->first + i];
      if (block->failed) {
        bytes = bytes_of(block->failure);
        bytes.push_back('f');
      } else {
        const auto value = bundle::value_at(block->results, i);
        bytes.assign(value.begin(), value.end());
        bytes.push_back('r');
      }
    }
  }
  return outcomes;
}

class Campaign {
 public:
  Campaign(base::Env& env, const std::string& path, std::uint64_t each, std::uint64_t seed,
           std::map<std::string, Counts>& counts)
      : env_(env),
        directory_(std::filesystem::canonical(path)),
        job_(host::open_job(env, directory_)),
        right_(read_outcomes(env, job_)),
        healthy_(host::verify(env, job_)),
        each_(each),
        random_(seed),
        counts_(counts) {
    for (const auto& finding : healthy_.damaged) {
      std::printf("already damaged: %s\n", host::in_words(finding).c_str());
      std::exit(1);
    }
  }

  void run() {
    std::set<std::uint64_t> seen;
    std::vector<std::string> paths;  // first of all, because logs come and go below
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
      base::FileStatus status;
      if (!entry.is_regular_file() || env_.status(entry.path(), status) < 0 || !seen.insert(status.inode).second)
        continue;
      paths.push_back(entry.path());
    }
    for (const auto& path : paths) attack(path);
  }

 private:
  void attack(const std::string& path) {
    const base::Bytes whole = base::read_file(env_, path, 1 << 26);
    const std::string name = path.substr(directory_.path().size() + 1);
    Counts& counts = counts_[kind_of(name)];
    ++counts.files;
    const std::uint64_t things = 9 * whole.size();  // a truncation and eight flips of each byte
    if (name.starts_with("blob/") && each_ == 0) return compare_digests(name.substr(5), whole, counts);
    const std::uint64_t enough =
        each_ == 0 && name.starts_with("printed/") ? 900 : each_;  // little can be told of these
    const std::uint64_t wanted = enough == 0 || enough > things ? things : enough;
    frames_ = frames_of(path);
    ::chmod(path.c_str(), 0600);
    for (std::uint64_t i = 0; i < wanted; ++i) {
      const std::uint64_t thing = wanted == things ? i : random_() % things;
      const std::uint64_t byte = thing / 9;
      const bool cut = thing % 9 == 8;
      base::Bytes changed = whole;
      if (cut) {
        changed.resize(byte);
        ++counts.truncations;
      } else {
        changed[byte] ^= static_cast<unsigned char>(1u << (thing % 9));
        ++counts.flips;
      }
      change(path, byte, changed, whole, cut);
      look(name, byte, cut, counts);
      change(path, byte, whole, whole, cut);
    }
  }

  /// Of code, whose digest is all that there is to it; once where jobs share it.
  void compare_digests(const std::string& sha256, const base::Bytes& whole, Counts& counts) {
    static std::set<std::string> done;
    if (!done.insert(sha256).second) return;
    base::Bytes changed = whole;
    for (std::uint64_t byte = 0; byte < whole.size(); ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        changed[byte] ^= static_cast<unsigned char>(1u << bit);
        counts.bad += base::sha256_hex(changed) == sha256;
        changed[byte] = whole[byte];
      }
      counts.bad += base::sha256_hex(base::ByteView(whole).first(byte)) == sha256;
    }
    counts.flips += 8 * whole.size();
    counts.truncations += whole.size();
  }

  /// In place, so that links keep seeing the same file.
  void change(const std::string& path, std::uint64_t byte, const base::Bytes& to, const base::Bytes& whole, bool cut) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool shorter = to.size() < whole.size();
    const std::uint64_t count = cut ? to.size() - std::min<std::uint64_t>(byte, to.size()) : 1;
    const bool done = fd >= 0 && (!shorter || ::ftruncate(fd, static_cast<off_t>(to.size())) == 0) &&
                      ::pwrite(fd, to.data() + byte, count, static_cast<off_t>(byte)) == static_cast<ssize_t>(count);
    if (fd >= 0) ::close(fd);
    if (done) return;
    std::perror(path.c_str());
    std::exit(1);
  }

  void look(const std::string& name, std::uint64_t byte, bool cut, Counts& counts) {
    const auto complain = [&](const std::string& what) {
      ++counts.bad;
      std::printf("bad: %s, %s %llu: %s\n", name.c_str(), cut ? "cut at" : "a bit flipped in",
                  static_cast<unsigned long long>(byte), what.c_str());
    };
    try {
      const host::Job job = host::open_job(env_, directory_);
      const Outcomes outcomes = read_outcomes(env_, job);
      for (const auto& [task, bytes] : outcomes) {
        const auto known = right_.find(task);
        if (known == right_.end() || known->second != bytes) complain("a wrong result of task " + std::to_string(task));
      }
      if (outcomes.size() < right_.size()) judge_loss(outcomes, job, byte, cut, counts, complain);
      judge_verification(job, name, byte, cut, counts);
    } catch (const base::Error& error) {
      // Everything hangs on MANIFEST; no other file makes a job unreadable.
      ++counts.refused;
      if (name != "MANIFEST") complain(std::string("unreadable: ") + error.what());
    }
  }

  /// What is lost must be within one frame, or what was cut off, and come back when somebody computes it.
  template <class Complain>
  void judge_loss(const Outcomes& outcomes, const host::Job& job, std::uint64_t byte, bool cut, Counts& counts,
                  const Complain& complain) {
    std::set<std::uint64_t> frames;
    for (const auto& [task, bytes] : right_) {
      if (outcomes.contains(task)) continue;
      std::uint64_t in = UINT64_MAX;
      for (const auto& frame : frames_) {
        const bool hit = cut ? frame.end > byte : frame.begin <= byte && byte < frame.end;
        if (hit && frame.first <= task && task < frame.first + frame.count) in = frame.begin;
      }
      frames.insert(in);
    }
    if (frames.contains(UINT64_MAX)) complain("tasks are lost whose frame was not touched");
    if (!cut) counts.worst = std::max<std::uint64_t>(counts.worst, frames.size());
    if (!cut && frames.size() > 1) complain("more than one frame is lost");
    compute_again(outcomes, job, complain);
  }

  /// As a worker does that resumes the job: into a log of its own.
  template <class Complain>
  void compute_again(const Outcomes& outcomes, const host::Job& job, const Complain& complain) {
    const std::string folder = job.directory.logs() + "/ff", path = folder + "/" + std::string(32, 'f') + ".0.0";
    base::make_directories(env_, folder);
    {
      store::LogWriter log(env_, path, {}, 0, store::binary_id(job.manifest_sha256));
      for (const auto& [task, bytes] : right_) {
        if (outcomes.contains(task)) continue;
        const base::ByteView value(bytes.data(), bytes.size() - 1);
        if (bytes.back() == 'f') {
          log.add({store::FrameKind::kFailure, task, 1, 0, 1, 0}, {value});
          continue;
        }
        const std::uint64_t offsets[2] = {0, value.size()};
        const base::ByteView head(reinterpret_cast<const unsigned char*>(offsets), sizeof offsets);
        const bool fixed = schema::fixed_size(job.manifest.kernel.result).has_value();
        log.add({store::FrameKind::kResults, task, 1, 0, 1, 0}, {fixed ? base::ByteView() : head, value});
      }
      log.flush();
    }
    if (read_outcomes(env_, job) != right_) complain("what was computed again is not there");
    env_.remove(path);
    env_.remove(folder);
  }

  void judge_verification(const host::Job& job, const std::string& name, std::uint64_t byte, bool cut, Counts& counts) {
    const auto found = host::verify(env_, job);
    const auto words = [](const std::vector<host::Finding>& findings) {
      std::vector<std::string> all;
      for (const auto& finding : findings) all.push_back(host::in_words(finding));
      return all;
    };
    if (!found.damaged.empty() || words(found.notes) != words(healthy_.notes)) return;
    if (without_meaning(name, byte, cut, found.tasks < healthy_.tasks)) {
      ++counts.meaningless;
      return;
    }
    ++counts.unnoticed;
    std::printf("unnoticed: %s, %s %llu\n", name.c_str(), cut ? "cut at" : "a bit flipped in",
                static_cast<unsigned long long>(byte));
  }

  /// What nothing can tell, and nothing is concluded from.
  bool without_meaning(const std::string& name, std::uint64_t byte, bool cut, bool lost) const {
    if (name.starts_with("printed/") && !name.ends_with(".index")) return true;  // for people
    if (name.ends_with(".hb")) return byte < 8 && !cut;                          // any number of beats will do
    const bool lines = name.ends_with(".notes") || name.ends_with(".index");
    if (lines) return cut && (byte == 0 || ends_line(name, byte));  // as if less had been said
    // A log that ends with a whole frame is one that was not written further; what it lacks is missed elsewhere.
    if (!name.starts_with("logs/") || !cut) return false;
    if (lost && base::exists(env_, directory_.done())) return false;
    return byte == 64 || std::any_of(frames_.begin(), frames_.end(), [&](const auto& f) { return f.begin == byte; });
  }
  bool ends_line(const std::string& name, std::uint64_t byte) const {
    const base::File file(env_, directory_.path() + "/" + name, O_RDONLY);
    unsigned char last = 0;
    return file.read_at(byte - 1, {&last, 1}) == 1 && last == '\n';
  }

  struct Place {
    std::uint64_t begin, end, first, count;
  };
  std::vector<Place> frames_of(const std::string& path) {
    std::vector<Place> places;
    if (path.find("/logs/") == path.npos) return places;
    store::LogReader log(env_, path, store::binary_id(job_.manifest_sha256));
    while (const auto frame = log.next()) {
      const auto& header = frame->header;
      const bool tells = header.kind <= static_cast<std::uint16_t>(store::FrameKind::kFailure);
      places.push_back({header.offset, frame->end(), header.first, tells ? header.count : 0});
    }
    return places;
  }

  static std::string kind_of(const std::string& name) {
    const std::string folder = name.substr(0, name.find('/'));
    if (folder == "logs") return "log";
    if (folder == "claims" || name.starts_with("host/owner.")) return "identity";  // links to those of workers
    if (folder == "printed") return name.ends_with(".index") ? "printed index" : "printed";
    if (folder != "workers") return folder;
    return name.ends_with(".id") ? "identity" : name.ends_with(".hb") ? "heartbeat" : "notes";
  }

  base::Env& env_;
  store::JobDirectory directory_;
  host::Job job_;
  Outcomes right_;
  host::Verification healthy_;
  std::uint64_t each_;
  std::mt19937_64 random_;
  std::map<std::string, Counts>& counts_;
  std::vector<Place> frames_;
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t each = 0, seed = std::random_device()(), minimum = 0;
  std::vector<std::string> jobs;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    std::uint64_t* const option = word == "--each"      ? &each
                                  : word == "--seed"    ? &seed
                                  : word == "--minimum" ? &minimum
                                                        : nullptr;
    if (option && i + 1 < argc) {
      *option = std::strtoull(argv[++i], nullptr, 10);
    } else {
      jobs.push_back(word);
    }
  }
  base::PosixEnv env;
  std::map<std::string, Counts> counts;
  for (const auto& job : jobs) Campaign(env, job, each, seed, counts).run();
  std::printf("seed %llu\n%-14s %5s %11s %8s %8s %12s %10s %12s %4s\n", static_cast<unsigned long long>(seed), "kind",
              "files", "truncations", "flips", "refused", "frames lost", "unnoticed", "meaningless", "bad");
  Counts all;
  const auto line = [](const char* name, const Counts& c) {
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("%-14s %5llu %11llu %8llu %8llu %12llu %10llu %12llu %4llu\n", name, n(c.files), n(c.truncations),
                n(c.flips), n(c.refused), n(c.worst), n(c.unnoticed), n(c.meaningless), n(c.bad));
  };
  for (const auto& [kind, c] : counts) {
    line(kind.c_str(), c);
    all.files += c.files;
    all.truncations += c.truncations;
    all.flips += c.flips;
    all.refused += c.refused;
    all.worst = std::max(all.worst, c.worst);
    all.unnoticed += c.unnoticed;
    all.meaningless += c.meaningless;
    all.bad += c.bad;
  }
  line("all", all);
  for (const char* kind :
       {"MANIFEST", "DONE", "blob", "inputs", "log", "identity", "heartbeat", "notes", "printed index"}) {
    if (counts.contains(kind)) continue;
    std::printf("no file of the kind '%s' was there\n", kind);
    ++all.bad;
  }
  if (all.truncations + all.flips < minimum) {
    std::printf("fewer than %llu things were done\n", static_cast<unsigned long long>(minimum));
    ++all.bad;
  }
  return all.bad + all.unnoticed > 0 ? 1 : 0;
}
