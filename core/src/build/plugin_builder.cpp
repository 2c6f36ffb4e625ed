#include "build/plugin_builder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/real_path.hpp"
#include "base/trust.hpp"

namespace jobhost::build {
namespace {

constexpr std::uint64_t kTextLimit = 1ULL << 30;
constexpr std::uint64_t kMaxFlagLine = 64 << 10;  // the line with flags stands near the beginning of the file
constexpr std::int64_t kDayNs = 86'400'000'000'000;
constexpr int kAttempts = 5;  // while somebody edits

std::string text_of(base::Env& env, const std::string& path) {
  return std::string(base::as_text(base::read_file(env, path, kTextLimit)));
}

std::string digest_of(const std::vector<std::string>& parts) {
  base::Bytes bytes;
  for (const auto& part : parts) base::append_text(bytes, part);
  return base::sha256_hex(bytes);
}

/// What to know of a file that goes into a build.
struct FileState {
  std::string stamp;   // size, time of change and inode
  std::string digest;  // of what it holds
  std::int64_t modified_ns = 0;
  bool operator==(const FileState&) const = default;
};

constexpr const char* kMissing = "missing";

/// Of what a symbolic link names, without digest.
FileState stamp_of(base::Env& env, const std::string& path) {
  const int fd = env.open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return {kMissing, kMissing};
  const base::File file = base::File::adopt(env, path, fd);
  base::FileStatus status;
  if (env.status(fd, status) < 0) return {kMissing, kMissing};
  return {std::to_string(status.size) + "." + std::to_string(status.modified_ns) + "." + std::to_string(status.inode),
          "", status.modified_ns};
}

FileState state_of(base::Env& env, const std::string& path) {
  FileState state = stamp_of(env, path);
  if (state.stamp != kMissing) state.digest = base::sha256_hex(base::read_file(env, path, kTextLimit));
  return state;
}

std::string in_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw base::Error(base::ExitCode::kPluginRefused, "there is no compiler '" + program + "' here",
                    "install it (apt-get install g++), or let CXX name another");
}

/// Files named in a make rule as -MD writes it.
std::vector<std::string> dependencies_in(const std::string& rule) {
  std::vector<std::string> files;
  std::string name;
  for (std::size_t i = rule.find(':') + 1; i < rule.size(); ++i) {
    const char c = rule[i];
    const char next = i + 1 < rule.size() ? rule[i + 1] : '\n';
    const bool escaped = c == '\\' && (next == ' ' || next == '\t' || next == '#' || next == ':');
    if (escaped || (c == '$' && next == '$')) {
      name += next;
      ++i;
    } else if (c == '\\' && next == '\n') {
      ++i;
    } else if (c == ' ' || c == '\n') {
      if (!name.empty()) files.push_back(std::move(name));
      name.clear();
    } else {
      name += c;
    }
  }
  return files;
}

/// The compiler reads a file again after the preprocessor did, and people edit meanwhile. So the state of all that goes
/// in is taken before it is first read and compared when the plugin is there: only what was made from one state is
/// kept.
class Builder {
 public:
  Builder(base::Env& env, const Toolchain& toolchain, const Source& source)
      : env_(env), toolchain_(toolchain), given_(source), is_c_(source.path.ends_with(".c")) {
    if (!base::exists(env, given_.path)) {
      throw base::Error(base::ExitCode::kUsage, "there is no file '" + given_.path + "'");
    }
    given_.path = base::real_path(given_.path).value_or(given_.path);
    const std::string file = given_.path.substr(given_.path.rfind('/') + 1);
    name_ = file.substr(0, file.rfind('.')) + ".so";
    // What a name in PATH is linked to may ask by which name it was called, as ccache and clang do.
    compiler_ = in_path(variable("CXX", "g++"));
    if (is_c_) c_compiler_ = in_path(variable("CC", "gcc"));
  }

  /// As jobhost-scan writes them.
  std::string names() {
    begin();
    const std::string text = work_ + "/text.ii", names = work_ + "/names";
    return cleaned_up([&] {
      base::make_directories(env_, work_);
      preprocess(text);
      std::vector<std::string> words = {toolchain_.scanner, "--names",        names, "--source",
                                        source_.path,       "--preprocessed", text};
      if (is_c_) words.insert(words.end(), {"--language", "c"});
      execute(std::move(words), "cannot be read", names);
      return text_of(env_, names);
    });
  }

  std::string run() {
    begin();
    char here[PATH_MAX];
    const std::string directory = ::getcwd(here, sizeof here) ? here : "";  // flags may name relative paths
    std::vector<std::string> key = {given_.path, directory};
    add_settings(given_, key);
    const std::string record = toolchain_.cache + "/" + digest_of(key);
    if (const std::string known = untouched(record + "/inputs"); !known.empty()) {
      env_.touch(record);
      env_.touch(known.substr(0, known.rfind('/')));
      return known;
    }
    return cleaned_up([&] {
      const std::string plugin = made_of_one_state();
      base::make_directories(env_, record);
      remember(record + "/inputs", plugin);
      return plugin;
    });
  }

 private:
  void begin() {
    base::make_directories(env_, toolchain_.cache);
    work_ = toolchain_.cache + "/work-" + base::random_hex(env_, 8);
  }

  /// The work folder goes, whatever happens.
  template <class Work>
  std::string cleaned_up(Work work) {
    try {
      const std::string made = work();
      base::remove_tree(env_, work_);
      return made;
    } catch (...) {
      base::remove_tree(env_, work_);
      throw;
    }
  }

  static std::string variable(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value && *value ? value : otherwise;
  }

  void take_flags_of_file() {
    std::istringstream lines(text_of(env_, source_.path).substr(0, kMaxFlagLine));
    constexpr std::string_view kMark = "// jobhost:";
    for (std::string line; std::getline(lines, line);) {
      const std::size_t begin = line.find_first_not_of(" \t");
      if (begin == std::string::npos || !std::string_view(line).substr(begin).starts_with(kMark)) continue;
      for (const auto& word : split_words(line.substr(begin + kMark.size()))) {
        (word.starts_with("-l") || word.starts_with("-L") ? source_.link : source_.flags).push_back(word);
      }
    }
  }

  /// What the text of the files does not tell: compilers, what they are told, and how.
  void add_settings(const Source& source, std::vector<std::string>& key) const {
    for (const auto& program : {compiler_, c_compiler_}) {
      key.push_back(program);
      if (!program.empty()) key.push_back(stamp_of(env_, program).stamp);
    }
    for (const char* name :
         {"CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX"}) {
      key.push_back(variable(name, ""));
    }
    key.insert(key.end(), {"flags"});
    key.insert(key.end(), source.flags.begin(), source.flags.end());
    key.insert(key.end(), {"link"});
    key.insert(key.end(), source.link.begin(), source.link.end());
    key.insert(key.end(), {"globals"});
    key.insert(key.end(), source.globals.begin(), source.globals.end());
  }

  /// Files that flags name: "fit.a", "@options", "-fprofile-use=FILE", and what -l means in the folders of -L.
  std::set<std::string> named_by_flags() const {
    std::set<std::string> files;
    std::vector<std::string> folders, libraries;
    for (const auto* words : {&source_.flags, &source_.link}) {
      for (const auto& word : *words) {
        const bool plain_library = words == &source_.link && is_plain_library(word);
        if (word.starts_with("-L")) folders.push_back(word.substr(2));
        if (word.starts_with("-l") || plain_library) libraries.push_back(plain_library ? word : word.substr(2));
        const std::size_t begin = word.starts_with('@') ? 1 : word.starts_with('-') ? word.find('=') + 1 : 0;
        base::FileStatus status;
        const std::string name = word.substr(begin), file = base::real_path(name).value_or(name);
        if (env_.status(file, status) >= 0 && S_ISREG(status.mode)) files.insert(file);
      }
    }
    for (const auto& folder : folders) {
      for (const auto& library : libraries) {
        for (const char* ending : {".so", ".a"}) {
          files.insert(folder + "/" + (library.starts_with(':') ? library.substr(1) : "lib" + library + ending));
        }
      }
    }
    return files;
  }

  static bool is_plain_library(const std::string& word) {
    return word.find('/') == std::string::npos && !word.starts_with('-');
  }

  /// The plugin of an earlier build, if all that it was made from is as it was: lines of "stamp digest path", the
  /// plugin first.
  std::string untouched(const std::string& record) {
    if (!base::exists(env_, record)) return "";
    const std::string text = text_of(env_, record);
    std::istringstream lines(text);
    std::string plugin, stamp, digest, path;
    bool same = true;
    std::getline(lines, plugin);
    while (lines >> stamp >> digest && std::getline(lines >> std::ws, path)) {
      FileState& state = inputs_[path] = stamp_of(env_, path);
      if (same && state.stamp != stamp) state = state_of(env_, path);
      if (state.stamp == stamp) state.digest = digest;
      same = same && state.digest == digest;
    }
    if (!same || !base::exists(env_, plugin)) return "";
    if (in_words(plugin) != text) remember(record, plugin);  // stamps say more now
    return plugin;
  }

  std::string in_words(const std::string& plugin) const {
    std::string text = plugin + "\n";
    for (const auto& [file, state] : inputs_) {
      // Times of change are coarse: a second change may leave the stamp of the first. A day is enough for any file
      // system's clock, and there is little to read in what was changed since.
      const bool recent = state.modified_ns > static_cast<std::int64_t>(env_.wall_ns()) - kDayNs;
      text += (recent ? "recent" : state.stamp) + " " + state.digest + " " + file + "\n";
    }
    return text;
  }

  void remember(const std::string& record, const std::string& plugin) {
    base::write_file_atomically(env_, record, base::as_bytes(in_words(plugin)), false);
  }

  /// `output`: what must be there afterwards.
  void execute(std::vector<std::string> words, const std::string& what, const std::string& output) {
    if (source_.verbose) {
      for (const auto& word : words) std::fprintf(stderr, "%s ", word.c_str());
      std::fputc('\n', stderr);
    }
    base::SpawnRequest request;
    request.program = words[0];
    request.arguments = std::move(words);
    for (char** entry = environ; *entry; ++entry) request.environment.emplace_back(*entry);
    request.out = request.err = STDERR_FILENO;
    const int pid = env_.spawn(request);
    if (pid < 0) base::throw_file_error(pid, "start", request.program);
    base::ExitStatus status;
    env_.wait(pid, true, status);
    killed_ = status.signaled;
    if (status.signaled || status.code != 0) {
      throw base::Error(base::ExitCode::kPluginRefused, source_.named + " " + what, source_.hint);
    }
    if (!base::exists(env_, output)) {
      throw base::Error(base::ExitCode::kPluginRefused,
                        "'" + request.program + "' ended without a complaint, but made nothing of " + source_.named,
                        "CXX (CC for C) names the compiler: is it one?");
    }
  }

  std::vector<std::string> compile(bool c) const {
    std::vector<std::string> words = {c ? c_compiler_ : compiler_};
    if (!c) words.insert(words.end(), {"-std=gnu++20", "-fmax-errors=5", "-x", "c++"});
    words.push_back("-O2");
    words.insert(words.end(), source_.flags.begin(), source_.flags.end());
    return words;
  }

  std::string made_of_one_state() {
    std::string changed;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      base::remove_tree(env_, work_);
      base::make_directories(env_, work_);
      try {
        const std::string folder = make();
        changed = changed_input();
        if (changed.empty()) return keep(folder);
      } catch (const base::Error&) {  // perhaps half a file was compiled
        changed = killed_ ? "" : changed_input();
        if (changed.empty()) throw;
      }
    }
    throw base::Error(base::ExitCode::kPluginRefused,
                      source_.named + " cannot be built: '" + changed + "' changes all the time",
                      "try again when nobody writes to it");
  }

  std::string changed_input() const {
    for (const auto& [file, state] : inputs_) {
      if (state_of(env_, file) != state) return file;
    }
    return "";
  }

  /// What goes in is known only when the text is there: it is made again, now from files whose state was taken before.
  void preprocess(const std::string& text) {
    const std::string rule = work_ + "/rule.d";
    for (bool all_seen = false; !all_seen;) {
      for (auto& [file, state] : inputs_) state = state_of(env_, file);
      source_ = given_;
      take_flags_of_file();
      auto words = compile(is_c_);
      words.insert(words.end(), {"-E", "-C", "-MD", "-MF", rule, "-MT", "text", source_.path, "-o", text});
      execute(std::move(words), "cannot be preprocessed", rule);
      beside_text_ = named_by_flags();
      beside_text_.insert(toolchain_.scanner);
      const std::string sdk = toolchain_.include + "/jobhost/sdk/";
      for (const auto& header : base::names_in(env_, sdk)) beside_text_.insert(sdk + header);
      std::set<std::string> files = beside_text_;
      for (auto& file : dependencies_in(text_of(env_, rule))) files.insert(std::move(file));
      std::map<std::string, FileState> seen;
      all_seen = true;
      for (const auto& file : files) {
        const auto known = inputs_.find(file);
        all_seen = all_seen && known != inputs_.end();
        seen[file] = known == inputs_.end() ? FileState() : known->second;
      }
      inputs_ = std::move(seen);
    }
  }

  /// The folder that the plugin belongs into. It is in the work folder, unless it is where it belongs already.
  std::string make() {
    const std::string text = work_ + "/text.ii", glue = work_ + "/glue.cpp";
    preprocess(text);
    std::vector<std::string> key;
    add_settings(source_, key);
    for (const auto& file : beside_text_) key.push_back(inputs_.at(file).digest);
    key.push_back(text_of(env_, text));
    const std::string folder = toolchain_.cache + "/" + digest_of(key);
    if (base::exists(env_, folder + "/" + name_)) return folder;  // also of a commit before: it is the same code

    if (source_.announced) std::fprintf(stderr, "compiling %s\n", base::printable(source_.named).c_str());
    std::vector<std::string> words = {toolchain_.scanner, "--source", source_.path, "--preprocessed", text,
                                      "--output",         glue};
    if (is_c_) words.insert(words.end(), {"--language", "c"});
    for (const auto& global : source_.globals) words.insert(words.end(), {"--global", global});
    execute(std::move(words), source_.globals.empty() ? "has no kernels" : "has no kernels, or lacks a global", glue);
    const std::vector<std::string> common = {
        "-g", "-gz", "-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-I", toolchain_.include};
    words = compile(false);
    words.insert(words.end(), common.begin(), common.end());
    if ((compiler_ + base::real_path(compiler_).value_or("")).find("clang") == std::string::npos)
      words.push_back("-fno-gnu-unique");
    words.insert(words.end(), {"-shared", "-Wl,--build-id", "-Wl,-z,defs", glue, "-x", "none"});
    if (is_c_) {
      auto c_words = compile(true);
      const std::string object = work_ + "/source.o";
      c_words.insert(c_words.end(), {"-g", "-gz", "-fPIC", "-c", source_.path, "-o", object});
      execute(std::move(c_words), "does not compile", object);
      words.push_back(object);
    }
    const std::string plugin = work_ + "/" + name_;
    words.insert(words.end(), {"-o", plugin});
    for (const auto& library : source_.link) words.push_back(is_plain_library(library) ? "-l" + library : library);
    execute(std::move(words), "does not compile", plugin);
    return folder;
  }

  std::string keep(const std::string& folder) {
    const std::string made = work_ + "/" + name_, plugin = folder + "/" + name_;
    if (!base::exists(env_, made)) return plugin;
    base::make_directories(env_, folder);
    if (const int failure = env_.rename(made, plugin); failure < 0) base::throw_file_error(failure, "keep", plugin);
    return plugin;
  }

  base::Env& env_;
  const Toolchain& toolchain_;
  Source given_, source_;  // without and with what the file itself says
  bool is_c_, killed_ = false;
  std::string name_, compiler_, c_compiler_, work_;
  std::set<std::string> beside_text_;  // what goes in without being in the preprocessed text
  std::map<std::string, FileState> inputs_;
};

}  // namespace

std::string build_plugin(base::Env& env, const Toolchain& toolchain, const Source& source) {
  return Builder(env, toolchain, source).run();
}

Names names_in(base::Env& env, const Toolchain& toolchain, const Source& source) {
  Names names;
  std::istringstream lines(Builder(env, toolchain, source).names());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream parts(line);
    std::string name, parameter;
    std::getline(parts, name, '\t');
    if (name.empty()) {
      names.variables.push_back(line.substr(1));
      continue;
    }
    names.functions.push_back({name, {}});
    while (std::getline(parts, parameter, '\t')) names.functions.back().parameters.push_back(parameter);
  }
  return names;
}

std::vector<std::string> split_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      inside = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
      inside = true;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
    } else {
      word += c;
      inside = true;
    }
  }
  if (inside) words.push_back(std::move(word));
  return words;
}

bool is_source(const std::string& path) {
  for (const char* ending : {".cpp", ".cc", ".cxx", ".C", ".c"}) {
    if (path.ends_with(ending)) return true;
  }
  return false;
}

}  // namespace jobhost::build
