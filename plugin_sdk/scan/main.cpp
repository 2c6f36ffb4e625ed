// jobhost-scan: finds the functions of source files and writes the files that make kernels of them.
//   jobhost-scan [--kernel NAME]... [--global NAME]... [--exports SCRIPT]
//                (--source FILE --preprocessed FILE --output GLUE.CPP [--language c|headers])...
//   jobhost-scan --names FILE --source FILE --preprocessed FILE [--language c]    for completion: what could be kernels
//   jobhost-scan --origin FILE.CPP [--source FILE]...    for the module of a program
//   jobhost-scan --notes PLUGIN.SO
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "glue.hpp"
#include "notes.hpp"

namespace {

using namespace jobhost::scan;

int fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

bool read_functions(Unit& unit) {
  std::ifstream stream(unit.preprocessed, std::ios::binary);
  if (!stream) return false;
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const bool headers = unit.language == Language::kHeaders;
  unit.tokens = tokens_of(text, headers ? "" : unit.source);
  Findings found = find_entities(unit.tokens, headers);
  unit.functions = std::move(found.functions);
  if (unit.language == Language::kCpp) unit.variables = std::move(found.variables);
  if (unit.language == Language::kC) {
    std::erase_if(unit.functions, [](const Function& function) { return !declarable(function); });
  }
  return true;
}

int write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return file ? 0 : fail("jobhost-scan: cannot write '" + path + "'");
}

/// By name: only these kernels, and these globals as part of the calling context.
struct Wanted {
  std::vector<std::string> kernels, globals;
};

int write_glue(std::vector<Unit>& units, const Wanted& wanted, const std::string& exports) {
  for (auto& unit : units) {
    if (unit.preprocessed.empty() || unit.output.empty()) {
      return fail("usage: jobhost-scan [--kernel NAME]... (--source FILE --preprocessed FILE --output FILE)...");
    }
    if (!read_functions(unit)) return fail("jobhost-scan: cannot read '" + unit.preprocessed + "'");
  }
  std::string error = choose_entries(units, wanted.kernels);
  if (error.empty()) error = declare_globals(units, wanted.globals);
  if (!error.empty()) return fail(units[0].source + ": error: " + error);
  std::size_t entries = 0;
  for (std::size_t number = 0; number < units.size(); ++number) {
    if (units[number].language != Language::kHeaders) units[number].revision = revision_of(units[number].source);
    if (write_file(units[number].output, glue_text(units[number], number, entries)) != 0) return 1;
    entries += units[number].entries.size();
  }
  if (entries == 0) return fail(units[0].source + ": error: no top-level function that could be a kernel");
  return exports.empty() ? 0 : write_file(exports, exports_text(units));
}

/// A line for each function, with its parameters behind it, and for each variable one that begins with a tab.
int write_names(std::vector<Unit>& units, const std::string& output) {
  std::string text;
  for (auto& unit : units) {
    if (!read_functions(unit)) return fail("jobhost-scan: cannot read '" + unit.preprocessed + "'");
  }
  if (const std::string error = choose_entries(units, {}); !error.empty()) return fail(error);
  for (const auto& unit : units) {
    for (const auto& entry : unit.entries) {
      text += entry.name;
      for (const auto& parameter : entry.function.parameters) text += "\t" + parameter.name;
      text += "\n";
    }
    for (const auto& variable : unit.variables) text += "\t" + qualified_name(variable) + "\n";
  }
  return write_file(output, text);
}

/// Of the first source that is in a repository; changed when one of them is.
int write_origin(const std::vector<Unit>& units, const std::string& output) {
  Revision whole;
  for (const auto& unit : units) {
    const Revision one = revision_of(unit.source);
    if (whole.commit.empty()) whole.commit = one.commit;
    whole.dirty = whole.dirty || one.dirty;
    if (whole.dirty && !whole.commit.empty()) break;
  }
  return write_file(output, origin_text(whole));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Unit> units;
  Wanted wanted;
  std::string exports, names, origin;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i], value = argv[i + 1];
    if (option == "--source") {
      units.emplace_back().source = value;
    } else if (option == "--kernel") {
      wanted.kernels.push_back(value);
    } else if (option == "--global") {
      wanted.globals.push_back(value);
    } else if (option == "--exports") {
      exports = value;
    } else if (option == "--names") {
      names = value;
    } else if (option == "--origin") {
      origin = value;
    } else if (option == "--notes") {
      std::printf("%s", notes_of(value).c_str());
      return 0;
    } else if (units.empty()) {
      return fail("jobhost-scan: " + option + " stands before --source");
    } else if (option == "--preprocessed") {
      units.back().preprocessed = value;
    } else if (option == "--output") {
      units.back().output = value;
    } else if (option == "--language") {
      units.back().language = value == "c" ? Language::kC : Language::kHeaders;
    } else {
      return fail("jobhost-scan: unknown option " + option);
    }
  }
  if (!origin.empty()) return write_origin(units, origin);
  if (units.empty()) return fail("jobhost-scan: there is no --source");
  return names.empty() ? write_glue(units, wanted, exports) : write_names(units, names);
}
