#include "context/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "base/trust.hpp"

namespace jobhost::context {
namespace {

using Names = std::span<const std::string_view>;

// What programs and numerical libraries look at. Neither shells' nor desktops' business, and nothing that only happens
// to be there: two users who submit the same job should send the same context.
constexpr std::string_view kCaptured[] = {
    "HOME",         "LANG",   "LANGUAGE", "LOGNAME", "PATH", "PWD",     "SHELL",   "TEMP",           "TERM",
    "TMP",          "TMPDIR", "TZ",       "TZDIR",   "USER", "LOCPATH", "NLSPATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
    "XDG_DATA_HOME"};
constexpr std::string_view kCapturedPrefixes[] = {
    "LC_",     "OMP_",   "GOMP_",     "KMP_", "OPENBLAS_", "GOTO_",   "BLIS_", "MKL_",  "TBB_",   "VECLIB_", "NUMEXPR_",
    "MALLOC_", "GLIBC_", "GFORTRAN_", "GSL_", "HDF5_",     "NETCDF_", "FFTW_", "ARMA_", "EIGEN_", "JOBHOST_"};
constexpr std::string_view kOfMachine[] = {
    "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",   "HIP_VISIBLE_DEVICES", "HOSTNAME",        "JOBHOST_CORE_DUMPS",
    "JOBHOST_TRUST",        "ROCR_VISIBLE_DEVICES", "XDG_RUNTIME_DIR",     "ZE_AFFINITY_MASK"};
constexpr std::string_view kOfMachinePrefixes[] = {"SLURM_", "SLURMD_", "SRUN_", "PMI_",
                                                   "PMIX_",  "OMPI_",   "PRTE_", "HYDRA_"};
// Set by jobhost for its executors, and by shells; never part of a context.
constexpr std::string_view kOurs[] = {"JOBHOST_EXECUTOR", "_"};

constexpr std::string_view kSecretWords[] = {"SECRET",     "TOKEN_", "PASSW",   "PASSPHRASE", "PASSCODE",
                                             "CREDENTIAL", "APIKEY", "PRIVATE", "AUTH_",      "COOKIE",
                                             "JWT",        "BEARER", "SIGNING", "ENCRYPT",    "WEBHOOK"};
constexpr std::string_view kSecretEndings[] = {
    "_KEY",  "_PWD",  "_PW",      "_PASS", "_PIN",         "_SALT", "_DSN",   "_CONNECTION_STRING",
    "TOKEN", "_AUTH", "_SESSION", "_CERT", "DATABASE_URL", "_SAS",  "_KEY_ID"};

bool is_one_of(std::string_view name, Names names) { return std::ranges::find(names, name) != names.end(); }

bool begins_like_one_of(std::string_view name, Names prefixes) {
  return std::ranges::any_of(prefixes, [&](auto prefix) { return name.starts_with(prefix); });
}

bool never_travels(const std::string& name) { return is_one_of(name, kOurs) || base::steers_loader(name); }

std::pair<std::string, std::string> split(const std::string& variable) {
  const std::size_t equals = variable.find('=', 1);
  if (equals == std::string::npos) return {variable, ""};
  return {variable.substr(0, equals), variable.substr(equals + 1)};
}

/// A URL with a password in it: "postgres://ada:xyz@db/…".
bool holds_password(const std::string& value) {
  const std::size_t scheme = value.find("://");
  if (scheme == std::string::npos) return false;
  const std::size_t end = value.find('/', scheme + 3), at = value.find('@', scheme + 3);
  const std::size_t colon = value.find(':', scheme + 3);
  return at < end && colon < at;
}

}  // namespace

Travel travel_of(const std::string& name) {
  if (is_one_of(name, kOfMachine) || begins_like_one_of(name, kOfMachinePrefixes)) return Travel::kOfMachine;
  if (is_one_of(name, kCaptured) || begins_like_one_of(name, kCapturedPrefixes)) return Travel::kCaptured;
  return Travel::kWithheld;
}

bool looks_secret(const std::string& name, const std::string& value) {
  std::string upper;
  for (unsigned char c : name) upper += static_cast<char>(std::toupper(c));
  const auto holds = [&](std::string_view word) { return upper.find(word) != std::string::npos; };
  const auto ends = [&](std::string_view ending) { return upper.ends_with(ending); };
  return std::ranges::any_of(kSecretWords, holds) || std::ranges::any_of(kSecretEndings, ends) || upper == "KEY" ||
         upper == "PW" || holds_password(value);
}

void capture_environment(const std::vector<std::string>& variables, const std::vector<std::string>& asked,
                         bundle::CallingContext& context) {
  std::map<std::string, std::string> present, captured;
  for (const auto& variable : variables) {
    if (variable.find('=', 1) != std::string::npos) present.insert(split(variable));  // getenv() finds no others
  }
  std::vector<std::string> secret;
  for (const auto& word : asked) {
    const auto [name, value] = split(word);
    if (name.starts_with('=') || name.empty()) {
      throw base::Error(base::ExitCode::kUsage, "--env '" + word + "' names no variable", "write NAME or NAME=VALUE");
    }
    if (never_travels(name)) {
      throw base::Error(base::ExitCode::kUsage, "--env " + name + ": this variable would change how tasks are started",
                        "a task may set it for what it starts itself");
    }
    const bool with_value = word.find('=', 1) != std::string::npos;
    if (!with_value && !present.contains(name)) {
      throw base::Error(base::ExitCode::kUsage, "--env " + name + ": there is no such environment variable",
                        looks_secret(name, "") ? "set it: it looks like a secret, and is taken from where workers run"
                                               : "set it, or write --env " + name + "=VALUE");
    }
    const std::string& chosen = with_value ? value : present[name];
    if (!looks_secret(name, chosen)) {
      captured[name] = chosen;
    } else if (with_value) {
      throw base::Error(
          base::ExitCode::kUsage, "--env " + name + "=…: this looks like a secret, and the job's files would hold it",
          "set it in the environment and write --env " + name + ": tasks then see it as it is where workers run");
    } else {
      secret.push_back(name);
    }
  }
  for (const auto& [name, value] : present) {
    if (captured.contains(name) || never_travels(name)) continue;
    if (std::find(secret.begin(), secret.end(), name) != secret.end()) continue;
    const Travel travel = travel_of(name);
    if (travel == Travel::kCaptured && !looks_secret(name, value)) {
      captured.insert({name, value});
    } else if (travel != Travel::kOfMachine) {
      context.withheld.push_back(name);
    }
  }
  context.environment.assign(captured.begin(), captured.end());
  std::sort(secret.begin(), secret.end());
  secret.erase(std::unique(secret.begin(), secret.end()), secret.end());
  context.secret = std::move(secret);
}

std::vector<std::string> restored_environment(const bundle::CallingContext& context,
                                              const std::vector<std::string>& here) {
  std::map<std::string, std::string> result;
  for (const auto& variable : here) {
    const auto [name, value] = split(variable);
    const bool asked = std::find(context.secret.begin(), context.secret.end(), name) != context.secret.end();
    if (asked || travel_of(name) == Travel::kOfMachine) result.insert({name, value});
  }
  for (const auto& [name, value] : context.environment) {
    if (!never_travels(name)) result[name] = value;
  }
  std::vector<std::string> variables;
  for (const auto& [name, value] : result) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry; ++entry) variables.emplace_back(*entry);
  return variables;
}

}  // namespace jobhost::context
