#include "glue.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include "nearest.hpp"

namespace jobhost::scan {
namespace {

std::string types_of(const Function& function) {
  std::string types;
  for (const auto& parameter : function.parameters) types += (types.empty() ? "" : ", ") + parameter.type;
  return types;
}

std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

std::string address_of(const Function& function) {
  const std::string types = types_of(function);
  if (types.find('(') != std::string::npos) return "&" + function.name;
  return "::jobhost::sdk::Overload<" + types + ">::of(&" + function.name + ")";
}

Entry entry_of(const Function& function, bool overloaded) {
  std::string name = qualified_name(function);
  if (overloaded) name += "(" + types_of(function) + ")";
  return {name, function, address_of(function), true, false, overloaded};
}

std::string unknown(const std::string& name, const std::vector<Function>& functions) {
  std::vector<std::string> names;
  for (const auto& function : functions) names.push_back(qualified_name(function));
  return "no function '" + name + "' in this file" + suggestion(name, names);
}

/// The text as the inside of a C string literal that is itself the inside of a JSON string.
std::string quoted(const std::string& text) {
  std::string json;
  for (char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (c == '\n') {
      json += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += ' ';
    } else {
      json += c;
    }
  }
  std::string literal = "\"";
  for (char c : json) {
    if (c == '"' || c == '\\') literal += '\\';
    if (c == '?') literal += '\\';  // no trigraphs
    literal += c;
  }
  return literal + "\"";
}

template <class Named>
std::string scope_of(const Named& entity) {
  std::string scope;
  for (const auto& part : entity.namespaces) {
    if (!part.empty()) scope += part + "::";
  }
  return "::" + scope;
}

std::string assertions(const Entry& entry, const std::string& pointer) {
  if (!entry.asked_for) return "";
  const std::string signature = "::jobhost::sdk::Signature<decltype(" + pointer + ")>";
  if (!entry.found) {
    return "static_assert(" + signature + "::kTravels, " +
           quoted("kernel '" + entry.name + "': a parameter or its result is of a type that cannot travel") + ");\n";
  }
  std::string text;
  for (std::size_t i = 0; i < entry.function.parameters.size(); ++i) {
    const auto& parameter = entry.function.parameters[i];
    text += "static_assert(" + signature + "::kParameterTravels[" + std::to_string(i) + "], " +
            quoted("kernel '" + entry.name + "': parameter '" + parameter.name + "' of type " + parameter.type +
                   " cannot travel") +
            ");\n";
  }
  return text + "static_assert(" + signature + "::kResultTravels, " +
         quoted("kernel '" + entry.name + "': its result cannot travel (" + entry.function.signature + ")") + ");\n";
}

/// `f(a, b)` for a function whose further parameters have defaults, as a function of its own.
std::string call_with(const Function& function, const std::string& name, std::size_t count) {
  std::string parameters, arguments;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string local = "jobhost_a" + std::to_string(i);
    parameters += (i > 0 ? ", " : "") + function.parameters[i].type + " " + local;
    arguments += (i > 0 ? ", " : "") + ("static_cast<decltype(" + local + ")&&>(" + local + ")");
  }
  return "static decltype(auto) " + name + "(" + parameters + ") { return " + function.name + "(" + arguments + "); }";
}

std::string entry_function(const std::string& symbol, const std::string& pointer) {
  return "extern \"C\" __attribute__((visibility(\"default\"))) uint64_t " + symbol +
         "(const jobhost_column* jobhost_p, uint64_t jobhost_n, jobhost_sink* jobhost_s, jobhost_progress* "
         "jobhost_g) {\n  return ::jobhost::sdk::enter<" +
         pointer + ">(jobhost_p, jobhost_n, jobhost_s, jobhost_g);\n}\n";
}

/// Whether wrappers with fewer parameters can be written down.
bool may_be_shortened(const Entry& entry) {
  return entry.found && !entry.overloaded &&
         std::none_of(entry.function.parameters.begin(), entry.function.parameters.end(),
                      [](const auto& parameter) { return parameter.type.find_first_of("([") != std::string::npos; });
}

/// Whether nothing outside of its file can refer to the entity, for lack of a namespace's name.
template <class Named>
bool in_unnamed(const Named& entity) {
  return std::find(entity.namespaces.begin(), entity.namespaces.end(), "") != entity.namespaces.end();
}

/// Text that opens and closes the entity's namespaces.
template <class Named>
std::pair<std::string, std::string> braces_of(const Named& entity) {
  std::pair<std::string, std::string> braces;
  for (const auto& part : entity.namespaces) {
    braces.first += "namespace " + part + " { ";
    braces.second += " }";
  }
  return braces;
}

/// The functions that give the variable a value and tell it, and its place in the schema.
void add_variable(const Unit& unit, const Variable& variable, const std::string& number, std::string& text,
                  std::string& list) {
  const std::string local = "jobhost_variable_" + number, symbol = "jobhost_global_" + number,
                    getter = "jobhost_get_" + number;
  const auto [open, close] = braces_of(variable);
  const std::string pointer = scope_of(variable) + local, name = qualified_name(variable);
  text += open + "static constexpr auto* " + local + " = __builtin_addressof(" + variable.name + ");" + close + "\n";
  if (variable.declared) {
    text += "static_assert(::jobhost::sdk::is_settable<std::remove_pointer_t<decltype(" + pointer + ")>>(), " +
            quoted("global '" + name + "' of type " + variable.type + " cannot travel") + ");\n";
  }
  text +=
      "extern \"C\" __attribute__((visibility(\"default\"))) int " + symbol +
      "(const unsigned char* jobhost_d, uint64_t jobhost_n) {\n  return ::jobhost::sdk::set_global(" + pointer +
      ", jobhost_d, jobhost_n);\n}\n" + "extern \"C\" __attribute__((visibility(\"default\"))) int " + getter +
      "(unsigned char* jobhost_d, uint64_t jobhost_c, uint64_t* jobhost_n) {\n  return ::jobhost::sdk::get_global(" +
      pointer + ", jobhost_d, jobhost_c, jobhost_n);\n}\n";
  list += "  ::jobhost::sdk::put_global(jobhost_out, " + pointer + ", {" + quoted(name) + ", \"" + symbol + "\", \"" +
          getter + "\", " + quoted(unit.source) + ", \"" + std::to_string(variable.line) + "\", " +
          (variable.declared ? "true" : "false") + "}, jobhost_first_global);\n";
}

void add_entry(const Unit& unit, const Entry& entry, std::size_t number, std::string& text, std::string& list,
               std::string& notes) {
  const std::string n = std::to_string(number), local = "jobhost_function_" + n, symbol = "jobhost_kernel_" + n;
  const std::string pointer = scope_of(entry.function) + local;
  const auto [open, close] = braces_of(entry.function);
  text += open + "static constexpr auto " + local + " = " + entry.expression + ";" + close + "\n" +
          assertions(entry, pointer) + entry_function(symbol, pointer);
  std::string fewer;
  const std::size_t all = entry.function.parameters.size();
  for (std::size_t count = all - (may_be_shortened(entry) ? entry.function.defaults : 0); count < all; ++count) {
    const std::string k = std::to_string(count), name = "jobhost_call_" + n + "_" + k;
    text += open + call_with(entry.function, name, count) + close + "\n" +
            entry_function(symbol + "_" + k, "&" + scope_of(entry.function) + name);
    fewer += (fewer.empty() ? "" : ",") + k;
  }
  std::string names = "::jobhost::sdk::kUnnamed", types = "::jobhost::sdk::kUntyped";
  if (entry.found && !entry.function.parameters.empty()) {
    names = "jobhost_names_" + n;
    types = "jobhost_types_" + n;
    std::string name_list, type_list;
    for (const auto& parameter : entry.function.parameters) {
      name_list += quoted(parameter.name) + ", ";
      type_list += quoted(parameter.type) + ", ";
    }
    text += "static constexpr const char* " + names + "[] = {" + name_list + "};\n";
    text += "static constexpr const char* " + types + "[] = {" + type_list + "};\n";
  }
  const std::string description = "{" + quoted(entry.name) + ", \"" + symbol + "\", " +
                                  quoted(entry.function.signature) + ", " + quoted(unit.source) + ", \"" +
                                  std::to_string(entry.function.line) + "\", " + quoted(entry.function.doc) + ", " +
                                  names + ", " + types + ", \"" + fewer + "\"}";
  list += "    ::jobhost::sdk::put_function<" + pointer + ">(jobhost_out, " + description +
          ", jobhost_kernels, jobhost_first);\n";
  notes += "  ::jobhost::sdk::put_note<" + pointer + ">(jobhost_out, " + description + ");\n";
}

std::vector<Entry> every_function(const std::vector<Function>& functions) {
  std::map<std::string, int> count;
  for (const auto& function : functions) ++count[qualified_name(function)];
  std::vector<Entry> entries;
  for (const auto& function : functions) entries.push_back(entry_of(function, count[qualified_name(function)] > 1));
  return entries;
}

/// An asked-for function that the scanner found in the unit; several are an error.
std::optional<Entry> find_asked(const Unit& unit, const std::string& asked, std::string& error) {
  const std::size_t end = asked.find_first_of("(<");
  const bool with_types = end != std::string::npos && asked[end] == '(';
  std::vector<Entry> fitting;
  for (const auto& entry : every_function(unit.functions)) {
    if (qualified_name(entry.function) != asked.substr(0, end) || (end != std::string::npos && !with_types)) continue;
    const std::string types = "(" + types_of(entry.function) + ")";
    if (!with_types || without_blanks(types) == without_blanks(asked.substr(end))) fitting.push_back(entry);
  }
  if (fitting.size() > 1) {
    error = "'" + asked + "' is overloaded; say which one:";
    for (const auto& entry : fitting) error += " \"" + entry.name + "\"";
  }
  if (fitting.size() != 1) return std::nullopt;
  return fitting[0];
}

/// A function that only the compiler can see, such as an instance of a template.
std::optional<Entry> unseen_function(const Unit& unit, const std::string& asked) {
  const std::size_t end = asked.find_first_of("(<");
  const std::string name = asked.substr(0, end);
  const std::string last = name.substr(name.rfind(':') == std::string::npos ? 0 : name.rfind(':') + 1);
  const bool occurs =
      std::any_of(unit.tokens.begin(), unit.tokens.end(), [&](const Token& token) { return token.text == last; });
  if (!occurs || unit.language == Language::kC) return std::nullopt;
  Entry entry;
  entry.expression =
      end != std::string::npos && asked[end] == '('
          ? "::jobhost::sdk::Overload<" + asked.substr(end + 1, asked.size() - end - 2) + ">::of(&::" + name + ")"
          : "&::" + asked;
  entry.function.signature = asked;
  return entry;
}

constexpr const char* kSection =
    "#define JOBHOST_SECTION(name, put)                                                   \\\n"
    "  __attribute__((section(name), used)) static constinit const auto put##_text = \\\n"
    "      ::jobhost::sdk::fill<::jobhost::sdk::characters<put>()>(put)\n";

std::string put_head(const Revision& revision) {
  return "  ::jobhost::sdk::put_head(jobhost_out, " + quoted(revision.commit) +
         (revision.dirty ? ", true" : ", false") + ");\n";
}

}  // namespace

bool declarable(const Function& function) {
  static const std::set<std::string> kKnown = {"void",     "bool",     "_Bool",   "char",    "short",    "int",
                                               "long",     "float",    "double",  "signed",  "unsigned", "const",
                                               "size_t",   "int8_t",   "int16_t", "int32_t", "int64_t",  "uint8_t",
                                               "uint16_t", "uint32_t", "uint64_t"};
  std::string types = function.signature.substr(0, function.signature.find(function.name));
  for (const auto& parameter : function.parameters) types += " " + parameter.type;
  std::string word;
  for (char c : types + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      word += c;
      continue;
    }
    if (!word.empty() && !kKnown.contains(word)) return false;
    word.clear();
    if (c != ' ' && c != '*') return false;
  }
  return !function.is_static;
}

std::string choose_entries(std::vector<Unit>& units, const std::vector<std::string>& kernels) {
  std::string error;
  if (kernels.empty()) {
    for (auto& unit : units) unit.entries = every_function(unit.functions);
    return "";
  }
  for (const auto& asked : kernels) {
    std::optional<Entry> entry;
    Unit* owner = nullptr;
    for (const auto find : {0, 1}) {
      for (auto& unit : units) {
        if (entry) break;
        entry = find == 0 ? find_asked(unit, asked, error) : unseen_function(unit, asked);
        if (!error.empty()) return error;
        owner = &unit;
      }
    }
    if (!entry) {
      std::vector<Function> all;
      for (const auto& unit : units) all.insert(all.end(), unit.functions.begin(), unit.functions.end());
      return unknown(asked, all);
    }
    entry->name = asked;
    entry->asked_for = true;
    owner->entries.push_back(*entry);
  }
  return "";
}

std::string exports_text(const std::vector<Unit>& units) {
  std::string text = "{\n  global:\n    jobhost_*;\n";
  for (const auto& unit : units) {
    for (const auto& variable : unit.variables) {
      if (!variable.declared || variable.is_static || in_unnamed(variable)) continue;
      // Names as the Itanium C++ ABI mangles them; that of a std::string has a tag (B5cxx11).
      std::string mangled = variable.namespaces.empty() ? "_Z" : "_ZN";
      for (const auto& space : variable.namespaces) mangled += std::to_string(space.size()) + space;
      mangled += std::to_string(variable.name.size()) + variable.name;
      text += "    " + (variable.namespaces.empty() ? variable.name : mangled + "E") + ";\n    " + mangled + "B*;\n";
    }
    for (const auto& entry : unit.entries) {
      if (!entry.found || entry.function.is_static || unit.language == Language::kHeaders) continue;
      const auto& spaces = entry.function.namespaces;
      if (in_unnamed(entry.function)) continue;
      if (unit.language == Language::kC) {
        text += "    " + entry.function.name + ";\n";
        continue;
      }
      // Whatever parameters follow.
      std::string mangled = spaces.empty() ? "_Z" : "_ZN";
      for (const auto& space : spaces) mangled += std::to_string(space.size()) + space;
      text += "    " + mangled + std::to_string(entry.function.name.size()) + entry.function.name + "*;\n";
    }
  }
  return text + "  local:\n    *;\n};\n";
}

std::string origin_text(const Revision& revision) {
  return "// Generated by jobhost-scan: do not edit.\n#include \"jobhost/sdk/schema.hpp\"\n\n"
         "static constexpr void jobhost_put_schema(::jobhost::sdk::Text& jobhost_out) {\n" +
         put_head(revision) +
         "  jobhost_out.put(\"\\\"program\\\":true,\\\"globals\\\":[],\\\"kernels\\\":[],\\\"skipped\\\":[]}\");\n}\n" +
         kSection + "JOBHOST_SECTION(JOBHOST_SCHEMA_SECTION, jobhost_put_schema);\n";
}

std::string glue_text(const Unit& unit, std::size_t number, std::size_t first) {
  std::string text = "// Generated by jobhost-scan: do not edit.\n#include \"jobhost/sdk/schema.hpp\"\n";
  if (unit.language == Language::kC) {
    text += "#include <cstddef>\nextern \"C\" {\n";
    for (const auto& entry : unit.entries) text += entry.function.signature + ";\n";
    text += "}\n";
  } else {
    // Two sources may each have a main.
    const std::string main = "main jobhost_main_" + std::to_string(number);
    if (number > 0) text += "#define " + main + "\n";
    text += "#include " + quoted(unit.source) + "\n";
    if (number > 0) text += "#undef main\n";
    text += "#ifdef CEREAL_CEREAL_HPP_\n#include \"jobhost/sdk/cereal.hpp\"\n#endif\n";
  }
  if (unit.entries.empty() && unit.variables.empty()) return text;
  text += "\n";
  std::string list, notes, globals;
  for (std::size_t i = 0; i < unit.entries.size(); ++i) add_entry(unit, unit.entries[i], first + i, text, list, notes);
  for (std::size_t i = 0; i < unit.variables.size(); ++i) {
    add_variable(unit, unit.variables[i], std::to_string(number) + "_" + std::to_string(i), text, globals);
  }
  text += "\nstatic constexpr void jobhost_put_schema(::jobhost::sdk::Text& jobhost_out) {\n" +
          put_head(unit.revision) +
          "  jobhost_out.put(\"\\\"globals\\\":[\");\n"
          "  [[maybe_unused]] bool jobhost_first_global = true;\n" +
          globals +
          "  jobhost_out.put(\"],\\\"kernels\\\":[\");\n"
          "  for (bool jobhost_kernels : {true, false}) {\n"
          "    [[maybe_unused]] bool jobhost_first = true;\n" +
          list +
          "    jobhost_out.put(jobhost_kernels ? \"],\\\"skipped\\\":[\" : \"]}\");\n  }\n}\n"
          "static constexpr void jobhost_put_notes(::jobhost::sdk::Text& jobhost_out) {\n" +
          notes + "  jobhost_out.put('\\n');\n}\n" + kSection +
          "JOBHOST_SECTION(JOBHOST_SCHEMA_SECTION, jobhost_put_schema);\n"
          "JOBHOST_SECTION(\"jobhost_notes\", jobhost_put_notes);\n";
  return text;
}

}  // namespace jobhost::scan
