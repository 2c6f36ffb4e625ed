#include "host/notes.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "host/code.hpp"
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
  Namer(base::Env& env, const Job& job) : env_(env), job_(job) {
    for (const auto& global : job.manifest.globals) captured_.insert(global.name);
    if (!job.manifest.isolate_globals) return;
    restored_ = captured_;
    add_declared(job.manifest.plugin);
    for (const auto& library : job.manifest.libraries) add_declared(library);
  }

  void note(const store::Note& note) {
    const auto [known, fresh] = code_.try_emplace(note.module);
    if (fresh) known->second = code_named(env_, job_, note.module).path;
    const std::string& file = known->second;
    if (file.empty()) {
      unnamed_ = true;
      return;
    }
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
  void add_declared(const bundle::Blob& code) {
    try {
      const std::string path = sound_code(env_, job_.directory, code);
      const std::string schema = plugin::read_schema(env_, path);
      if (schema.empty()) return;
      for (const auto& variable : schema::parse_description(schema, path).globals) {
        if (variable.declared) restored_.insert(variable.name);
      }
    } catch (const base::Error&) {
      // A name too many in a note is better than no notes.
    }
  }

  void add(const plugin::VariableName& variable) {
    const std::string name = as_declared(variable.name);
    if (restored_.contains(name)) return;
    any_captured_ = any_captured_ || captured_.contains(name);
    names_ += (names_.empty() ? "'" : ", '") + variable.name + "'";
    if (!variable.file.empty()) names_ += " (" + file_name(variable.file) + ":" + std::to_string(variable.line) + ")";
  }

  base::Env& env_;
  const Job& job_;
  std::map<std::string, std::string> code_;  // by module
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
