#include "glue.hpp"

#include <algorithm>
#include <map>

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
  return {name, function, address_of(function), true, false};
}

std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1])});
      corner = above;
    }
  }
  return row[b.size()];
}

std::string unknown(const std::string& name, const std::vector<Function>& functions) {
  std::string text = "no function '" + name + "' in this file";
  std::size_t best = name.size() / 3 + 2;
  std::string nearest;
  for (const auto& function : functions) {
    const std::size_t d = distance(name, qualified_name(function));
    if (d < best) {
      best = d;
      nearest = qualified_name(function);
    }
  }
  return nearest.empty() ? text : text + "; did you mean '" + nearest + "'?";
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

std::string scope_of(const Entry& entry) {
  std::string scope;
  for (const auto& part : entry.function.namespaces) {
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

}  // namespace

std::vector<Entry> every_function(const std::vector<Function>& functions) {
  std::map<std::string, int> count;
  for (const auto& function : functions) ++count[qualified_name(function)];
  std::vector<Entry> entries;
  for (const auto& function : functions) entries.push_back(entry_of(function, count[qualified_name(function)] > 1));
  return entries;
}

std::vector<Entry> asked_functions(const std::vector<Function>& functions, const std::vector<Token>& tokens,
                                   const std::vector<std::string>& kernels, std::string& error) {
  std::vector<Entry> entries;
  for (const auto& asked : kernels) {
    const std::size_t end = asked.find_first_of("(<");
    const std::string name = asked.substr(0, end);
    const bool with_types = end != std::string::npos && asked[end] == '(';
    std::vector<Entry> fitting;
    for (const auto& entry : every_function(functions)) {
      if (qualified_name(entry.function) != name || (end != std::string::npos && !with_types)) continue;
      const std::string types = "(" + types_of(entry.function) + ")";
      if (!with_types || without_blanks(types) == without_blanks(asked.substr(end))) fitting.push_back(entry);
    }
    if (fitting.size() > 1) {
      error = "'" + asked + "' is overloaded; say which one:";
      for (const auto& entry : fitting) error += " \"" + entry.name + "\"";
      return {};
    }
    if (fitting.empty()) {
      const std::string last = name.substr(name.rfind(':') == std::string::npos ? 0 : name.rfind(':') + 1);
      const bool occurs = std::any_of(tokens.begin(), tokens.end(), [&](const Token& t) { return t.text == last; });
      if (!occurs) {
        error = unknown(asked, functions);
        return {};
      }
      // A function that only the compiler can see, such as an instance of a template.
      Entry entry;
      entry.expression = with_types ? "::jobhost::sdk::Overload<" + asked.substr(end + 1, asked.size() - end - 2) +
                                          ">::of(&::" + name + ")"
                                    : "&::" + asked;
      entry.function.signature = asked;
      fitting.push_back(entry);
    }
    fitting[0].name = asked;
    fitting[0].asked_for = true;
    entries.push_back(fitting[0]);
  }
  return entries;
}

std::string glue_text(const std::string& source, const std::vector<Entry>& entries) {
  std::string text = "// Generated by jobhost-scan: do not edit.\n#include \"jobhost/sdk/schema.hpp\"\n#include " +
                     quoted(source) + "\n\n";
  std::string list, notes;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    const std::string n = std::to_string(i), local = "jobhost_function_" + n, pointer = scope_of(entry) + local;
    std::string close;
    for (const auto& part : entry.function.namespaces) {
      text += "namespace " + part + " { ";
      close += " }";
    }
    text += "static constexpr auto " + local + " = " + entry.expression + ";" + close + "\n" +
            assertions(entry, pointer) +
            "extern \"C\" __attribute__((visibility(\"default\"))) uint64_t jobhost_kernel_" + n +
            "(const jobhost_column* jobhost_p, uint64_t jobhost_n, jobhost_sink* jobhost_s, jobhost_progress* "
            "jobhost_g) {\n  return ::jobhost::sdk::enter<" +
            pointer + ">(jobhost_p, jobhost_n, jobhost_s, jobhost_g);\n}\n";
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
    const std::string description = "{" + quoted(entry.name) + ", \"jobhost_kernel_" + n + "\", " +
                                    quoted(entry.function.signature) + ", " + quoted(source) + ", \"" +
                                    std::to_string(entry.function.line) + "\", " + quoted(entry.function.doc) + ", " +
                                    names + ", " + types + "}";
    list += "    ::jobhost::sdk::put_function<" + pointer + ">(jobhost_out, " + description +
            ", jobhost_kernels, jobhost_first);\n";
    notes += "  ::jobhost::sdk::put_note<" + pointer + ">(jobhost_out, " + description + ");\n";
  }
  text +=
      "\nstatic constexpr void jobhost_put_schema(::jobhost::sdk::Text& jobhost_out) {\n"
      "  ::jobhost::sdk::put_head(jobhost_out);\n"
      "  jobhost_out.put(\"\\\"kernels\\\":[\");\n"
      "  for (bool jobhost_kernels : {true, false}) {\n"
      "    [[maybe_unused]] bool jobhost_first = true;\n" +
      list +
      "    jobhost_out.put(jobhost_kernels ? \"],\\\"skipped\\\":[\" : \"]}\");\n  }\n}\n"
      "static constexpr void jobhost_put_notes(::jobhost::sdk::Text& jobhost_out) {\n" +
      notes +
      "  jobhost_out.put('\\n');\n}\n"
      "#define JOBHOST_SECTION(name, put)                                                                     \\\n"
      "  extern \"C\" __attribute__((section(name), used, visibility(\"hidden\"))) constinit const auto put##_text = "
      "\\\n"
      "      ::jobhost::sdk::fill<::jobhost::sdk::characters<put>()>(put)\n"
      "JOBHOST_SECTION(JOBHOST_SCHEMA_SECTION, jobhost_put_schema);\n"
      "JOBHOST_SECTION(\"jobhost_notes\", jobhost_put_notes);\n";
  return text;
}

}  // namespace jobhost::scan
