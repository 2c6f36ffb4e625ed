#include "host/explanation.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string_view>

namespace jobhost::host {
namespace {

std::string demangled_anew(const std::string& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type.c_str(), nullptr, nullptr, &status),
                                                         &std::free);
  std::string text = status == 0 && name ? name.get() : type;
  // What std::throw_with_nested throws derives from the type that people wrote.
  const std::string_view wrapper = "std::_Nested_exception<";
  if (text.starts_with(wrapper) && text.ends_with('>'))
    text = text.substr(wrapper.size(), text.size() - wrapper.size() - 1);
  return text;
}

/// Remembers the last type: failures of a job are mostly alike.
const std::string& demangled(const std::string& type) {
  thread_local std::string last_type, last_text;
  if (type != last_type) {
    last_text = demangled_anew(type);
    last_type = type;
  }
  return last_text;
}

const char* name_of(store::FailureKind kind) {
  switch (kind) {
    case store::FailureKind::kException:
      return "exception";
    case store::FailureKind::kCrash:
      return "crash";
    case store::FailureKind::kTimeout:
      return "timeout";
    case store::FailureKind::kLost:
      return "lost";
  }
  return "unknown";
}

// "ns::f(int, double) [clone .cold]" -> "ns::f"; an operator() keeps its parentheses.
std::string short_name(const std::string& function) {
  int depth = 0;
  for (std::size_t i = 0; i < function.size(); ++i) {
    if (function[i] == '<') ++depth;
    if (function[i] == '>') --depth;
    if (function[i] == '(' && depth == 0 && i > 0 && !function.substr(0, i).ends_with("operator") &&
        !function.substr(i).starts_with("(anonymous namespace)")) {
      return function.substr(0, i);
    }
  }
  return function;
}

std::string in_words(const plugin::SourceLine& line, bool brief) {
  std::string text = brief ? short_name(line.function) : line.function;
  if (text.empty()) text = "?";
  if (line.file.empty()) return text;
  const std::string file = brief ? line.file.substr(line.file.rfind('/') + 1) : line.file;
  return text + " at " + file + ":" + std::to_string(line.line);
}

/// Replaces what stands between the outermost pairs of brackets by an ellipsis.
std::string without_contents(const std::string& text, char open, char close) {
  std::string left;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool arrow = text[i] == '>' && i > 0 && text[i - 1] == '-';
    if (text[i] == close && !arrow && depth > 0 && --depth == 0) left += "…";
    if (depth == 0) left += text[i];
    if (text[i] == open) ++depth;
  }
  return depth == 0 ? left : text;
}

}  // namespace

std::string shortened(const std::string& function, std::size_t most) {
  std::string text = function;
  if (text.size() > most) text = without_contents(text, '<', '>');
  if (text.size() > most) text = without_contents(text, '(', ')');
  return text.size() > 2 * most ? text.substr(0, 2 * most) + "…" : text;
}

std::string headline(const Explanation& words) {
  const std::string& name = words.type.empty() ? words.kind : words.type;
  return words.what.empty() || words.what == name ? name : name + ": " + words.what;
}

Explainer::Explainer(base::Env& env, const Job& job) : env_(env), job_(job) {}

const Explainer::Place& Explainer::place(const std::string& module, std::uint64_t offset) {
  auto [found, fresh] = places_.try_emplace({module, offset});
  if (!fresh) return found->second;
  Place& place = found->second;
  const auto [known, new_module] = modules_.try_emplace(module);
  if (new_module) known->second = code_named(env_, job_, module);
  place.users_code = known->second.own;
  if (!known->second.path.empty()) place.lines = symbolizer_.resolve(known->second.path, offset);
  return place;
}

Explanation Explainer::in_short(const store::Failure& failure) {
  Explanation words;
  words.kind = name_of(failure.kind);
  if (!failure.thrown.empty()) {
    if (!failure.thrown[0].type.empty()) words.type = demangled(failure.thrown[0].type);
    words.what = failure.thrown[0].what;
  }
  for (std::size_t i = 1; i < failure.thrown.size(); ++i) {
    words.causes.push_back({demangled(failure.thrown[i].type), failure.thrown[i].what});
  }
  if (failure.signal != 0) words.signal = failure.signal;
  return words;
}

Explanation Explainer::explain(const store::Failure& failure, const std::vector<std::string>* modules) {
  Explanation words = in_short(failure);
  std::size_t end_of_story = 0;  // what lies beyond the last call in the user's code is the executor
  for (const auto& entry : failure.stack) {
    if (!modules || entry.module >= modules->size()) continue;
    const Place& found = place((*modules)[entry.module], entry.offset);
    for (const auto& line : found.lines) {
      // The generated entry and its header are ours, not part of the user's story.
      if (line.function.find("jobhost::sdk") != std::string::npos ||
          line.function.find("jobhost_kernel_") != std::string::npos) {
        continue;
      }
      const bool named = found.users_code && !line.file.empty() && !line.file.starts_with("/usr/include/");
      words.stack.push_back({in_words(line, false), named});
      if (!found.users_code) continue;
      end_of_story = words.stack.size();
      if (words.where.empty() && named) words.where = in_words(line, true);
    }
  }
  words.stack.resize(end_of_story);
  return words;
}

}  // namespace jobhost::host
