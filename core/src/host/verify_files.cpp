#include "host/verify_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "base/beneath.hpp"
#include "store/party.hpp"
#include "store/printed.hpp"
#include "store/queue_record.hpp"
#include "store/refusals.hpp"
#include "store/seal.hpp"

namespace jobhost::host {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || std::to_string(value) != text) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(by, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == text.npos) return parts;
    begin = end + 1;
  }
}

class FileCheck {
 public:
  FileCheck(base::Env& env, const Job& job, Verification& found)
      : env_(env), job_(job), found_(found), vouched_(has_voucher(env, job.directory)) {
    for (const auto& library : job.manifest.libraries) blobs_.insert(library.sha256);
    blobs_.insert(job.manifest.plugin.sha256);
    for (const auto& pack : job.manifest.inputs.packs) packs_.insert(pack.file);
  }

  void run() {
    // Identities come first: claims are compared with them.
    list("workers", [&](const std::string& name) { folder("workers/" + name, &FileCheck::party_file); });
    list("", [&](const std::string& name) {
      if (name == "workers") return;
      if (name == "MANIFEST" || name == "DONE") return regular(name);
      if (name == "blob") return folder(name, &FileCheck::blob_file);
      if (name == "inputs") return folder(name, &FileCheck::input_file);
      if (name == "printed") return folder(name, &FileCheck::printed_file);
      if (name == "host") return folder(name, &FileCheck::host_file);
      if (name == "logs") return folders(name, &FileCheck::log_file);
      if (name == "claims") return claims(name);
      unknown(name);
    });
    require_all_generations("claims", claims_);
    require_all_generations("host", owners_);
    say_orphans();
  }

 private:
  using Check = void (FileCheck::*)(const std::string& path, const std::string& name);

  void damaged(const std::string& path, std::optional<std::uint64_t> byte, std::string what) {
    found_.damaged.push_back({path, byte, std::move(what)});
  }
  void note(const std::string& path, std::string what) { found_.notes.push_back({path, {}, std::move(what)}); }
  void unknown(const std::string& path) {
    note(path, path.ends_with(".tmp") ? "what a write that was cut off left behind" : "no file of a job");
  }
  std::string absolute(const std::string& path) const { return job_.directory.path() + "/" + path; }

  template <class Visit>
  void list(const std::string& path, const Visit& visit) {
    std::vector<std::string> names;
    try {
      names = base::list_beneath(env_, absolute(path));
    } catch (const base::Error& error) {
      damaged(path, {}, error.what());
    }
    for (const auto& name : names) visit(name);
  }
  void folder(const std::string& path, Check check) {
    list(path, [&](const std::string& name) {
      try {
        (this->*check)(path + "/" + name, name);
      } catch (const base::Error& error) {
        damaged(path + "/" + name, {}, error.what());
      }
    });
  }
  void folders(const std::string& path, Check check) {
    list(path, [&](const std::string& name) { folder(path + "/" + name, check); });
  }

  base::FileStatus status_of(const std::string& path) {
    base::FileStatus status;
    env_.status(absolute(path), status);
    return status;
  }
  void regular(const std::string& path) {
    if (!S_ISREG(status_of(path).mode)) damaged(path, {}, "is no regular file");
  }
  void empty(const std::string& path) {
    regular(path);
    if (status_of(path).size > 0) damaged(path, 0, "should be empty");
  }

  void blob_file(const std::string& path, const std::string& name) {
    if (!blobs_.contains(name)) return unknown(path);
    regular(path);
  }
  void input_file(const std::string& path, const std::string& name) {
    if (!packs_.contains(path) && !(job_.manifest.open && name.starts_with("shared-"))) return unknown(path);
    regular(path);
  }
  void log_file(const std::string& path, const std::string& name) {
    if (!store::is_log_name(name)) return unknown(path);
    regular(path);
  }

  void party_file(const std::string& path, const std::string& name) {
    const auto parts = split(name, '.');
    if (!is_hex(parts[0], 32)) return unknown(path);
    if (parts.size() == 3 && parts[2] == "id" && number(parts[1])) {
      any_identity_ = true;
      const auto id = identity(path);
      if (id && *id != parts[0]) damaged(path, {}, "is the identity of " + *id);
    } else if (parts.size() == 2 && parts[1] == "hb") {
      heartbeat(path);
    } else if (parts.size() == 2 && parts[1] == "notes") {
      lines(path, [](const std::string& line) { return store::seal_of(line); });
    } else if (parts.size() == 2 && parts[1] == "refused") {
      lines(path, [](const std::string& line) {
        return line.ends_with(store::kUnsealed) ? store::Seal::kRight : store::seal_of(line);
      });
    } else {
      unknown(path);
    }
  }

  /// Whose identity a file holds; links of one file are read once.
  std::optional<std::string> identity(const std::string& path) {
    regular(path);
    const auto status = status_of(path);
    if (const auto known = identities_.find(status.inode); known != identities_.end()) return known->second;
    std::optional<std::string> id;
    try {
      const std::string text(base::as_text(base::read_beneath(env_, job_.directory.path(), absolute(path), 4096)));
      const auto who = store::identity_from_text(text, path);
      const bool whole = text.find('\n') == text.size() - 1;
      const bool right = store::seal_of(std::string_view(text).substr(0, text.size() - 1)) == store::Seal::kRight;
      if (whole && (right || !vouched_)) {
        id = who.id;
      } else {
        damaged(path, {}, "is no identity: wrong checksum; whose claims these were is unknown");
      }
    } catch (const base::Error& error) {
      damaged(path, {}, std::string(error.what()) + "; whose claims these were is unknown");
    }
    return identities_[status.inode] = id;
  }

  void heartbeat(const std::string& path) {
    const auto file = base::open_beneath(env_, job_.directory.path(), absolute(path), O_RDONLY);
    std::array<std::uint64_t, 2> words{};
    const std::uint64_t size = file.size();
    if (size == 0) return note(path, "empty: its owner ended before the first beat");
    file.read_at(0, {reinterpret_cast<unsigned char*>(words.data()), sizeof words});
    if (size < sizeof words) return note(path, "its first beat was cut off");
    if (size > sizeof words) return damaged(path, sizeof words, "a heartbeat has 16 bytes");
    const bool old = !vouched_ && words[1] == 1;  // before this file told a flipped bit
    if (words[1] != 0 && words[1] != UINT64_MAX && !old)
      damaged(path, 8, "says neither that its owner works nor that it left");
    if (words[0] == 0 && words[1] == 0) damaged(path, 0, "a heart that never beat has no file");
  }

  /// `judge` tells of each line whether it is as it was written. A file without lines, which may be of any size, is
  /// not read to its end.
  template <class Judge>
  void lines(const std::string& path, const Judge& judge) {
    const auto file = base::open_beneath(env_, job_.directory.path(), absolute(path), O_RDONLY);
    std::string line;
    base::Bytes piece(64 << 10);
    std::uint64_t at = 0, begin = 0;
    while (const std::size_t got = file.read_at(at, piece)) {
      for (std::size_t i = 0; i < got; ++i, ++at) {
        if (piece[i] != '\n') {
          if (line.size() == kLongestLine) return damaged(path, begin, "a line of this length is nobody's");
          line += static_cast<char>(piece[i]);
          continue;
        }
        const auto seal = judge(line);
        if (seal == store::Seal::kWrong || (seal == store::Seal::kNone && vouched_)) {
          damaged(path, begin, "this line has a wrong checksum, and is passed over");
        }
        line.clear();
        begin = at + 1;
      }
    }
    if (!line.empty()) note(path, "its last line was cut off, and is passed over");
  }

  void printed_file(const std::string& path, const std::string& name) {
    regular(path);
    const auto parts = split(name, '.');
    if (name == "worker" || (parts.size() == 3 && is_hex(parts[0], 32))) return;
    if (parts.size() != 4 || parts[3] != "index") return unknown(path);
    const std::string output = path.substr(0, path.size() - 6);
    const std::uint64_t size = status_of(output).size;
    std::uint64_t missing = 0;
    lines(path, [&](const std::string& line) {
      const auto part = store::printed_part(line);
      if (!part) return store::Seal::kWrong;
      if (part->offset > size || part->length > size - part->offset) ++missing;
      return std::count(line.begin(), line.end(), ' ') == 5 ? store::Seal::kRight : store::Seal::kNone;
    });
    if (missing > 0) damaged(output, size, "what " + std::to_string(missing) + " sets of tasks printed is cut off");
  }

  void host_file(const std::string& path, const std::string& name) {
    if (name == "cancel" || name == "cancel-now" || name == "audit" || name == "refusals") return empty(path);
    if (name.starts_with("manifest.") && is_hex(name.substr(9), 64)) return empty(path);
    const auto epoch = name.starts_with("owner.") ? number(name.substr(6)) : std::nullopt;
    if (epoch) {
      owners_[0].push_back(*epoch);
      link(path);
    } else if (name.starts_with("duty.") && claim_of(name.substr(5))) {
      if (status_of(path).size > 0) link(path);  // else it is vacant
    } else if (name == "submitter") {
      identity(path);
    } else if (name == "queue") {
      store::read_queue_record(env_, job_.directory);
    } else if (name == "queue.sh") {
      regular(path);
    } else {
      unknown(path);
    }
  }

  /// Folders of claims, and beside them the names of those that were given up.
  void claims(const std::string& path) {
    list(path, [&](const std::string& name) {
      if (name.find('.') == std::string::npos) return folder(path + "/" + name, &FileCheck::claim_file);
      claim_of(name) ? empty(path + "/" + name) : unknown(path + "/" + name);
    });
  }
  void claim_file(const std::string& path, const std::string& name) {
    const auto claim = claim_of(name);
    if (!claim || path != "claims/" + std::to_string(claim->first / 256) + "/" + name) return unknown(path);
    if (claim->first >= job_.manifest.claims()) damaged(path, {}, "the job has no such claim");
    claims_[claim->first].push_back(claim->second);
    link(path);
  }
  /// And its generation.
  static std::optional<std::pair<std::uint64_t, std::uint64_t>> claim_of(const std::string& name) {
    const auto parts = split(name, '.');
    const auto claim = number(parts[0]);
    const auto generation = parts.size() == 2 ? number(parts[1]) : std::nullopt;
    return claim && generation ? std::optional(std::pair(*claim, *generation)) : std::nullopt;
  }
  /// A claim is another name of an identity, or, where a job was copied, the same text.
  void link(const std::string& path) {
    const auto id = identity(path);
    if (!id || base::exists(env_, absolute("workers/" + id->substr(0, 2) + "/" + *id + ".0.id"))) return;
    orphans_[*id].push_back(path);
  }
  /// One line for each identity, or for all where none is left.
  void say_orphans() {
    if (orphans_.empty()) return;
    if (!any_identity_) {
      std::size_t links = 0;
      for (const auto& [id, paths] : orphans_) links += paths.size();
      return damaged("workers", {},
                     "holds nobody's identity, though " + std::to_string(links) +
                         " claims and owners belong to somebody; no result is lost by that");
    }
    for (const auto& [id, paths] : orphans_) {
      damaged(paths[0], {},
              "belongs to " + id + ", which is not among the workers" +
                  (paths.size() > 1 ? ", like " + std::to_string(paths.size() - 1) + " more claims" : ""));
    }
  }

  void require_all_generations(const std::string& path, std::map<std::uint64_t, std::vector<std::uint64_t>>& all) {
    for (auto& [number, generations] : all) {
      if (*std::max_element(generations.begin(), generations.end()) + 1 == generations.size()) continue;
      damaged(path, {},
              path == "host" ? "an owner before the last is missing"
                             : "claim " + std::to_string(number) + " lacks a generation before its last");
    }
  }

  base::Env& env_;
  const Job& job_;
  Verification& found_;
  bool vouched_;  // by a version that writes checksums into all small files
  std::set<std::string> blobs_, packs_;
  std::map<std::uint64_t, std::optional<std::string>> identities_;  // by inode
  std::map<std::uint64_t, std::vector<std::uint64_t>> claims_, owners_;
  bool any_identity_ = false;                                // among workers/
  std::map<std::string, std::vector<std::string>> orphans_;  // claims and owners, by whose they are
};

}  // namespace

void verify_files(base::Env& env, const Job& job, Verification& found) { FileCheck(env, job, found).run(); }

}  // namespace jobhost::host
