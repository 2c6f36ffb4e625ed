#include "host/notes.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "plugin/inspect.hpp"
#include "plugin/variables.hpp"
#include "store/notes.hpp"

namespace jobhost::host {
namespace {

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// "ns::(anonymous namespace)::n" is "ns::n" for those who set it.
std::string as_declared(std::string name) {
  constexpr std::string_view kUnnamed = "(anonymous namespace)::";
  for (std::size_t at; (at = name.find(kUnnamed)) != std::string::npos;) name.erase(at, kUnnamed.size());
  return name;
}

/// Names the variables that bytes of the job's code belong to.
class Namer {
 public:
  Namer(base::Env& env, const Job& job) : job_(job) {
    for (const auto& global : job.manifest.globals) captured_.insert(global.name);
    if (!job.manifest.isolate_globals) return;
    restored_ = captured_;
    add_declared(env, job.manifest.plugin);
    for (const auto& library : job.manifest.libraries) add_declared(env, library);
  }

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
                        (any_captured_ ? "" : "declare them (GLOBALS, --global) and ") +
                        "let --isolate-globals restore them before every task");
  }

 private:
  void add_declared(base::Env& env, const bundle::Blob& code) {
    const std::string path = job_.directory.blob(code.sha256);
    try {
      const std::string schema = plugin::read_schema(env, path);
      if (schema.empty()) return;
      for (const auto& variable : schema::parse_description(schema, path).globals) {
        if (variable.declared) restored_.insert(variable.name);
      }
    } catch (const base::Error&) {
      // A name too many in a note is better than no notes.
    }
  }

  std::string own_copy(const std::string& module) const {
    const auto is_it = [&](const bundle::Blob& blob) { return module.find(blob.sha256) != std::string::npos; };
    for (const auto& library : job_.manifest.libraries) {
      if (is_it(library)) return job_.directory.blob(library.sha256);
    }
    return is_it(job_.manifest.plugin) ? job_.directory.blob(job_.manifest.plugin.sha256) : module;
  }

  void add(const plugin::VariableName& variable) {
    const std::string name = as_declared(variable.name);
    if (restored_.contains(name)) return;
    any_captured_ = any_captured_ || captured_.contains(name);
    names_ += (names_.empty() ? "'" : ", '") + variable.name + "'";
    if (!variable.file.empty()) names_ += " (" + file_name(variable.file) + ":" + std::to_string(variable.line) + ")";
  }

  const Job& job_;
  plugin::Variables variables_;
  std::set<std::string> captured_, restored_;  // with the job; before every task
  std::set<std::string> told_;
  std::string names_;
  bool any_captured_ = false, unnamed_ = false;
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
