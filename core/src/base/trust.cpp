#include "base/trust.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/real_path.hpp"
#include "base/utf8.hpp"

namespace jobhost::base {
namespace {

constexpr const char* kVariable = "JOBHOST_TRUST";

/// Whether $JOBHOST_TRUST has this word: a user's number, or an absolute path of a directory.
bool is_listed(const std::string& word) {
  const char* set = std::getenv(kVariable);
  return set && (":" + std::string(set) + ":").find(":" + word + ":") != std::string::npos;
}

bool is_trusted(std::uint32_t user) { return user == ::geteuid() || user == 0 || is_listed(std::to_string(user)); }

std::string name_of(std::uint32_t user) {
  const passwd* known = ::getpwuid(user);
  return "user " + std::to_string(user) + (known ? " (" + std::string(known->pw_name) + ")" : "");
}

/// A group of one's own, as many systems make for each user, has the user's number.
bool has_private_group(const FileStatus& status) { return status.group == status.owner; }

/// The directory itself and all above it, as far as they exist.
std::vector<std::pair<std::string, FileStatus>> way_to(Env& env, const std::string& real) {
  std::vector<std::pair<std::string, FileStatus>> way;
  for (std::string at = real; !at.empty();) {
    FileStatus status;
    const int failure = env.status(at, status);
    if (failure >= 0) way.emplace_back(at, status);
    if (failure < 0 && failure != -ENOENT && failure != -ENOTDIR) throw_file_error(failure, "look at", at);
    const std::size_t slash = at.rfind('/');
    if (at == "/" || slash == std::string::npos) break;
    at.resize(std::max<std::size_t>(slash, 1));
  }
  return way;
}

bool is_open_to_all(const FileStatus& directory) {
  return (directory.mode & S_IWOTH) != 0 && (directory.mode & S_ISVTX) == 0;
}

}  // namespace

std::string kind_of(std::uint32_t mode) {
  if (S_ISREG(mode)) return "a file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

void require_own(const FileStatus& status, const std::string& path) {
  if (!is_trusted(status.owner)) {
    throw Distrust("'" + path + "' belongs to " + name_of(status.owner) + ", not to you",
                   "if you trust them, make a copy of the job that is yours (cp -r), or set " + std::string(kVariable) +
                       "=" + std::to_string(status.owner));
  }
  if ((status.mode & S_IWOTH) != 0) {
    throw Distrust("everybody may write to '" + path + "'", "if nobody has: chmod o-w '" + path + "'");
  }
}

bool steers_loader(const std::string& name) { return name.starts_with("LD_") || name == "GCONV_PATH"; }

std::string printable(const std::string& text) {
  std::string shown;
  const auto escape = [&](unsigned char c) {
    char code[8];
    std::snprintf(code, sizeof code, "\\x%02x", c);
    shown += code;
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(std::string_view(text).substr(i, 4));
    const auto second = static_cast<unsigned char>(length == 2 ? text[i + 1] : 0);
    if (c == 0xc2 && second != 0 && second < 0xa0) {  // terminals know U+0080 to U+009F, too
      escape(second);
    } else if (length == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
      escape(c);
    } else {
      shown.append(text, i, length);
    }
    i += std::max<std::size_t>(length, 1);
  }
  return shown;
}

std::vector<std::string> require_safe_place(Env& env, const std::string& path) {
  std::vector<std::string> notes;
  const std::string real = real_path(path).value_or(path);
  for (auto& [at, status] : way_to(env, real)) {
    if (is_listed(at)) break;
    const std::string instead = "put something else in the place of '" + path + "'";
    if (is_open_to_all(status)) {
      throw Distrust("everybody may write to '" + at + "', and so " + instead,
                     "chmod o-w '" + at + "' (or +t), or choose another place; " + kVariable + "=" + at +
                         " says that you trust all who can");
    }
    if (at == real) {
      status.mode &= ~static_cast<std::uint32_t>(S_IWOTH);  // with the sticky bit others touch no files but their own
      require_own(status, path);
    } else if (!is_trusted(status.owner)) {
      notes.push_back("'" + at + "' belongs to " + name_of(status.owner) + ", who can " + instead);
    }
    if ((status.mode & S_IWGRP) != 0 && (status.mode & S_ISVTX) == 0 && !has_private_group(status)) {
      notes.push_back("a group may write to '" + at + "', and so " + instead);
    }
  }
  return notes;
}

bool anybody_may_replace(Env& env, const std::string& path) {
  for (const auto& [at, status] : way_to(env, real_path(path).value_or(path))) {
    if (is_listed(at)) return false;
    if (S_ISDIR(status.mode) ? is_open_to_all(status) : (status.mode & S_IWOTH) != 0) return true;
  }
  return false;
}

}  // namespace jobhost::base
