#include "store/job_directory.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cctype>

#include "base/beneath.hpp"
#include "base/trust.hpp"

namespace jobhost::store {
namespace {

bool is_hex(unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_number(const std::string& text) {
  return !text.empty() && text.size() <= 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

bool JobDirectory::is_done(base::Env& env) const { return has(env, path_, done()); }

bool JobDirectory::is_cancelled(base::Env& env) const { return has(env, host(), cancel()); }

bool JobDirectory::is_cancelled_now(base::Env& env) const { return has(env, host(), cancel_now()); }

/// Asked for again and again, so it is not looked up until a listing names it: a machine may remember for a minute that
/// a name was not there. A list may be old, too, and name what is gone; opening tells.
bool JobDirectory::has(base::Env& env, const std::string& folder, const std::string& path) const {
  const auto names = base::names_in(env, folder);
  return std::binary_search(names.begin(), names.end(), path.substr(folder.size() + 1)) &&
         base::open_beneath_if_exists(env, path_, path, O_RDONLY);
}

base::File JobDirectory::open_blob(base::Env& env, const std::string& sha256) const {
  constexpr std::uint64_t kMost = 4ULL << 30;  // bytes
  auto file = base::open_beneath(env, path_, blob(sha256), O_RDONLY);
  if (file.size() <= kMost) return file;
  throw base::Error(base::ExitCode::kDamaged, "'" + file.path() + "' is too large to be code",
                    "the job's copy of the code is damaged; submit the job again");
}

std::vector<std::string> require_trusted(base::Env& env, const JobDirectory& job) {
  auto notes = base::require_safe_place(env, job.path());
  base::FileStatus status;
  if (env.status(job.path() + "/.", status) >= 0) base::require_own(status, job.path());
  for (const auto& folder :
       {job.blobs(), job.inputs(), job.workers(), job.logs(), job.claims(), job.host(), job.printed()}) {
    base::require_directory_beneath(env, folder);
  }
  return notes;
}

bool is_party_id(const std::string& name) { return name.size() == 32 && std::all_of(name.begin(), name.end(), is_hex); }

bool is_party_folder(const std::string& name) {
  return name.size() == 2 && std::all_of(name.begin(), name.end(), is_hex);
}

bool is_log_name(const std::string& name) {
  const std::size_t dot = name.find('.', 33);
  return is_party_id(name.substr(0, 32)) && dot != std::string::npos && name[32] == '.' &&
         is_number(name.substr(33, dot - 33)) && is_number(name.substr(dot + 1));
}

bool is_job_name(const std::string& name) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name[0] != '.' && name[0] != '-' && std::all_of(name.begin(), name.end(), fits);
}

}  // namespace jobhost::store
