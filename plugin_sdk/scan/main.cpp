// jobhost-scan: finds the functions of a source file and writes the file that makes kernels of them.
//   jobhost-scan --source PI.CPP --preprocessed PI.II --output GLUE.CPP [--kernel NAME]...
//   jobhost-scan --notes PLUGIN.SO
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "glue.hpp"
#include "notes.hpp"

namespace {

int fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace jobhost::scan;
  std::string source, preprocessed, output, plugin;
  std::vector<std::string> kernels;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i], value = argv[i + 1];
    if (option == "--source") {
      source = value;
    } else if (option == "--preprocessed") {
      preprocessed = value;
    } else if (option == "--output") {
      output = value;
    } else if (option == "--kernel") {
      kernels.push_back(value);
    } else if (option == "--notes") {
      plugin = value;
    } else {
      return fail("jobhost-scan: unknown option " + option);
    }
  }
  if (!plugin.empty()) {
    const std::string notes = notes_of(plugin);
    const std::size_t end = notes.find_last_not_of('\n');
    if (end != std::string::npos) std::printf("%s\n", notes.substr(0, end + 1).c_str());
    return 0;
  }
  if (source.empty() || preprocessed.empty() || output.empty()) {
    return fail("usage: jobhost-scan --source FILE --preprocessed FILE --output FILE [--kernel NAME]...");
  }
  std::ifstream stream(preprocessed, std::ios::binary);
  if (!stream) return fail("jobhost-scan: cannot read '" + preprocessed + "'");
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const auto tokens = tokens_of(text, source);
  const auto functions = find_functions(tokens);
  std::string error;
  const auto entries = kernels.empty() ? every_function(functions) : asked_functions(functions, tokens, kernels, error);
  if (!error.empty()) return fail(source + ": error: " + error);
  if (entries.empty()) return fail(source + ": error: no top-level function that could be a kernel");
  std::ofstream glue(output, std::ios::binary);
  glue << glue_text(source, entries);
  glue.close();
  return glue ? 0 : fail("jobhost-scan: cannot write '" + output + "'");
}
