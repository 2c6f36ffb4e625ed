#include "host/notes.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "plugin/inspect.hpp"
#include "plugin/variables.hpp"
#include "store/notes.hpp"

namespace jobhost::host {
namespace {

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Names the variables that bytes of the job's code belong to.
class Namer {
 public:
  Namer(base::Env& env, const Job& job) : env_(env), job_(job) {}

  void note(const store::Note& note) {
    const std::string file = own_copy(note.module);
    const std::uint64_t end = note.offset + std::max<std::uint64_t>(note.size, 1);
    for (std::uint64_t at = note.offset; at < end;) {
      const auto variable = variables_.find(file, at);
      if (!variable) {
        unnamed_ = true;
        return;
      }
      at += std::max<std::uint64_t>(variable->size > variable->offset ? variable->size - variable->offset : 1, 1);
      if (!variable->is_internal && !variable->is_const && told_.insert(variable->name).second) add(*variable);
    }
  }

  void finish(std::vector<std::string>& sentences) {
    if (names_.empty() && unnamed_) names_ = "global variables whose names are not known (the code has no symbols)";
    if (names_.empty()) return;
    sentences.push_back("tasks changed " + names_ +
                        ": later tasks of the same process see that, so results may depend on which tasks ran there "
                        "before. Make them local, or " +
                        (captured_ ? "" : "declare them (GLOBALS, --global) and ") +
                        "let --isolate-globals restore them before every task");
  }

 private:
  std::string own_copy(const std::string& module) const {
    const auto is_it = [&](const bundle::Blob& blob) { return module.find(blob.sha256) != std::string::npos; };
    for (const auto& library : job_.manifest.libraries) {
      if (is_it(library)) return job_.directory.blob(library.sha256);
    }
    return is_it(job_.manifest.plugin) ? job_.directory.blob(job_.manifest.plugin.sha256) : module;
  }

  void add(const plugin::VariableName& variable) {
    const bool captured = captured_names().contains(variable.name);
    if (captured && job_.manifest.isolate_globals) return;
    captured_ = captured_ || captured;
    names_ += (names_.empty() ? "'" : ", '") + variable.name + "'";
    if (!variable.file.empty()) names_ += " (" + file_name(variable.file) + ":" + std::to_string(variable.line) + ")";
  }

  /// Names of globals that have a value for tasks to begin with, or are declared to.
  const std::set<std::string>& captured_names() {
    if (captured_names_) return *captured_names_;
    auto& names = captured_names_.emplace();
    for (const auto& global : job_.manifest.globals) names.insert(global.name);
    const std::string path = job_.directory.blob(job_.manifest.plugin.sha256);
    if (const std::string schema = plugin::read_schema(env_, path); !schema.empty()) {
      for (const auto& global : schema::parse_description(schema, path).globals) {
        if (global.declared) names.insert(global.name);
      }
    }
    return names;
  }

  base::Env& env_;
  const Job& job_;
  plugin::Variables variables_;
  std::optional<std::set<std::string>> captured_names_;
  std::set<std::string> told_;
  std::string names_;
  bool captured_ = false, unnamed_ = false;
};

}  // namespace

std::vector<std::string> notes_of(base::Env& env, const Job& job) {
  std::vector<std::string> sentences;
  Namer namer(env, job);
  for (const auto& note : store::read_notes(env, job.directory)) {
    if (!note.module.empty()) {
      namer.note(note);
    } else if (note.task != UINT64_MAX) {
      sentences.push_back("task " + std::to_string(note.task) + " " + note.text);
    } else {
      sentences.push_back(note.text);
    }
  }
  namer.finish(sentences);
  return sentences;
}

}  // namespace jobhost::host
