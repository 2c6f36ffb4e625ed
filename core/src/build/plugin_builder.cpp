#include "build/plugin_builder.hpp"

#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "base/checksum.hpp"
#include "base/file.hpp"

namespace jobhost::build {
namespace {

constexpr std::uint64_t kTextLimit = 1ULL << 30;
constexpr std::uint64_t kMaxFlagLine = 64 << 10;  // the line with flags stands near the beginning of the file

std::string text_of(base::Env& env, const std::string& path) {
  return std::string(base::as_text(base::read_file(env, path, kTextLimit)));
}

std::string digest_of(const std::vector<std::string>& parts) {
  base::Bytes bytes;
  for (const auto& part : parts) base::append_text(bytes, part);
  return base::sha256_hex(bytes);
}

/// Size and time of change: enough to notice that a file was touched.
std::string stamp_of(base::Env& env, const std::string& path) {
  base::FileStatus status;
  if (env.status(path, status) < 0) return "missing";
  return std::to_string(status.size) + "." + std::to_string(status.modified_ns) + "." + std::to_string(status.inode);
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

std::string real_path(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) ? resolved : path;
}

/// Files named in a make rule as -MD writes it.
std::vector<std::string> dependencies_in(const std::string& rule) {
  std::vector<std::string> files;
  std::string name;
  for (std::size_t i = rule.find(':') + 1; i < rule.size(); ++i) {
    const char c = rule[i];
    const char next = i + 1 < rule.size() ? rule[i + 1] : '\n';
    if (c == '\\' && (next == ' ' || next == '#')) {
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

class Builder {
 public:
  Builder(base::Env& env, const Toolchain& toolchain, Source source)
      : env_(env), toolchain_(toolchain), source_(std::move(source)), is_c_(source_.path.ends_with(".c")) {
    if (!base::exists(env, source_.path)) {
      throw base::Error(base::ExitCode::kUsage, "there is no file '" + source_.path + "'");
    }
    source_.path = real_path(source_.path);
    const std::string file = source_.path.substr(source_.path.rfind('/') + 1);
    name_ = file.substr(0, file.rfind('.')) + ".so";
    compiler_ = real_path(in_path(variable("CXX", "g++")));
    if (is_c_) c_compiler_ = real_path(in_path(variable("CC", "gcc")));
    take_flags_of_file();
  }

  std::string run() {
    base::make_directories(env_, toolchain_.cache);
    std::vector<std::string> sdk;
    env_.list(toolchain_.include + "/jobhost/sdk", sdk);
    tools_ = {toolchain_.scanner, compiler_};
    if (is_c_) tools_.push_back(c_compiler_);
    for (const auto& header : sdk) tools_.push_back(toolchain_.include + "/jobhost/sdk/" + header);
    char here[PATH_MAX];
    const std::string directory = ::getcwd(here, sizeof here) ? here : "";  // flags may name relative paths
    std::vector<std::string> key = {source_.path, directory};
    add_settings(key);
    const std::string record = toolchain_.cache + "/" + digest_of(key);
    if (const std::string known = untouched(record + "/inputs"); !known.empty()) {
      env_.touch(record);
      env_.touch(known.substr(0, known.rfind('/')));
      return known;
    }
    work_ = toolchain_.cache + "/work-" + base::random_hex(env_, 8);
    base::make_directories(env_, work_);
    try {
      const std::string plugin = make();
      base::make_directories(env_, record);
      remember(record + "/inputs", plugin);
      base::remove_tree(env_, work_);
      return plugin;
    } catch (...) {
      base::remove_tree(env_, work_);
      throw;
    }
  }

 private:
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

  void add_settings(std::vector<std::string>& key) const {
    key.insert(key.end(), {"flags"});
    key.insert(key.end(), source_.flags.begin(), source_.flags.end());
    key.insert(key.end(), {"link"});
    key.insert(key.end(), source_.link.begin(), source_.link.end());
    key.insert(key.end(), {"globals"});
    key.insert(key.end(), source_.globals.begin(), source_.globals.end());
  }

  /// The plugin of an earlier build, if all that it was made from is as it was: lines of "stamp path", the plugin
  /// first.
  std::string untouched(const std::string& record) {
    if (!base::exists(env_, record)) return "";
    std::istringstream lines(text_of(env_, record));
    std::string plugin, stamp, path;
    std::getline(lines, plugin);
    while (lines >> stamp && std::getline(lines >> std::ws, path)) {
      if (stamp_of(env_, path) != stamp) return "";
    }
    return base::exists(env_, plugin) ? plugin : "";
  }

  void remember(const std::string& record, const std::string& plugin) {
    std::string text = plugin + "\n";
    for (const auto* files : {&tools_, &dependencies_}) {
      for (const auto& file : *files) text += stamp_of(env_, file) + " " + file + "\n";
    }
    base::write_file_atomically(env_, record, base::as_bytes(text), false);
  }

  void execute(std::vector<std::string> words, const std::string& what) {
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
    if (status.signaled || status.code != 0) {
      throw base::Error(base::ExitCode::kPluginRefused, source_.named + " " + what, source_.hint);
    }
  }

  std::vector<std::string> compile(bool c) const {
    std::vector<std::string> words = {c ? c_compiler_ : compiler_};
    if (!c) words.insert(words.end(), {"-std=gnu++20", "-fmax-errors=5", "-x", "c++"});
    words.push_back("-O2");
    words.insert(words.end(), source_.flags.begin(), source_.flags.end());
    return words;
  }

  std::string make() {
    const std::string text = work_ + "/text.ii", rule = work_ + "/rule.d", glue = work_ + "/glue.cpp";
    auto words = compile(is_c_);
    words.insert(words.end(), {"-E", "-C", "-MD", "-MF", rule, "-MT", "text", source_.path, "-o", text});
    execute(std::move(words), "cannot be preprocessed");
    dependencies_ = dependencies_in(text_of(env_, rule));
    std::vector<std::string> key;
    add_settings(key);
    for (const auto& tool : tools_)
      key.push_back(tool == compiler_ || tool == c_compiler_ ? stamp_of(env_, tool) : text_of(env_, tool));
    key.push_back(text_of(env_, text));
    const std::string folder = toolchain_.cache + "/" + digest_of(key), plugin = folder + "/" + name_;
    if (base::exists(env_, plugin)) return plugin;  // also of a commit before: it is the same code

    words = {toolchain_.scanner, "--source", source_.path, "--preprocessed", text, "--output", glue};
    if (is_c_) words.insert(words.end(), {"--language", "c"});
    for (const auto& global : source_.globals) words.insert(words.end(), {"--global", global});
    execute(std::move(words), source_.globals.empty() ? "has no kernels" : "has no kernels, or lacks a global");
    const std::vector<std::string> common = {
        "-g", "-gz", "-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-I", toolchain_.include};
    words = compile(false);
    words.insert(words.end(), common.begin(), common.end());
    if (compiler_.find("clang") == std::string::npos) words.push_back("-fno-gnu-unique");
    words.insert(words.end(), {"-shared", "-Wl,--build-id", "-Wl,-z,defs", glue});
    if (is_c_) {
      auto c_words = compile(true);
      const std::string object = work_ + "/source.o";
      c_words.insert(c_words.end(), {"-g", "-gz", "-fPIC", "-c", source_.path, "-o", object});
      execute(std::move(c_words), "does not compile");
      words.insert(words.end(), {"-x", "none", object});
    }
    words.insert(words.end(), {"-o", work_ + "/" + name_});
    for (const auto& library : source_.link) {
      const bool plain = library.find('/') == std::string::npos && !library.starts_with('-');
      words.push_back(plain ? "-l" + library : library);
    }
    execute(std::move(words), "does not compile");
    base::make_directories(env_, folder);
    if (const int failure = env_.rename(work_ + "/" + name_, plugin); failure < 0) {
      base::throw_file_error(failure, "keep", plugin);
    }
    return plugin;
  }

  base::Env& env_;
  const Toolchain& toolchain_;
  Source source_;
  bool is_c_;
  std::string name_, compiler_, c_compiler_, work_;
  std::vector<std::string> tools_, dependencies_;
};

}  // namespace

std::string build_plugin(base::Env& env, const Toolchain& toolchain, const Source& source) {
  return Builder(env, toolchain, source).run();
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
