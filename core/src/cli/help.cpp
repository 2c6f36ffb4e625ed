#include "cli/help.hpp"

#include <CLI/CLI.hpp>
#include <cctype>

namespace jobhost::cli {

const std::vector<std::pair<std::string, std::vector<std::string>>> kCommandGroups = {
    {"Run", {"run", "submit", "resume", "retry", "attach", "cancel"}},
    {"Look", {"ls", "show", "results", "errors", "logs", "report", "dashboard", "watch"}},
    {"Write", {"new", "build", "kernels", "check"}},
    {"Debug", {"replay", "doctor"}},
    {"Keep", {"verify", "export", "audit", "session", "rm", "gc", "completion", "man"}}};

namespace {

/// What an option takes, without CLI11's notes on how it is checked.
std::string value_name(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  std::size_t end = type.size();
  for (const char* check : {":{", ":UINT", ":FLOAT", ":SIZE", ":INT"}) end = std::min(end, type.find(check));
  return type.substr(0, end);
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text = value_name(*option);
    if (!text.empty()) text = " " + text;
    if (!option->get_default_str().empty()) text += " (" + option->get_default_str() + ")";
    return text;
  }
  /// One empty line between groups; CLI11 puts one before and one behind each.
  std::string make_group(std::string group, bool positional, std::vector<const CLI::Option*> options) const override {
    const bool first = positional || group == "Options";
    return CLI::Formatter::make_group(std::move(group), positional, std::move(options)).substr(first ? 0 : 1);
  }
};

/// Text in which nothing is a request or an escape of roff. Dashes stay ASCII, so that they can be searched and copied.
std::string roff(const std::string& text) {
  std::string written;
  for (const char c : text) {
    const bool begins_line = written.empty() || written.back() == '\n';
    if (begins_line && (c == '.' || c == '\'')) written += "\\&";
    if (c == '\\') {
      written += "\\e";
    } else if (c == '-') {
      written += "\\-";
    } else {
      written += c;
    }
  }
  return written;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string section(const std::string& title) { return ".SH " + roff(upper(title)) + "\n"; }

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

std::string item(const std::string& title, const std::string& text) {
  return ".TP\n" + title + "\n" + roff(text) + "\n";
}

std::string option_title(const CLI::Option& option) {
  if (option.get_positional()) return italic(option.get_name()) + " " + roff(value_name(option));
  std::string names;
  for (const auto& name : option.get_snames()) names += (names.empty() ? "" : ", ") + bold("-" + name);
  for (const auto& name : option.get_lnames()) names += (names.empty() ? "" : ", ") + bold("--" + name);
  return value_name(option).empty() ? names : names + " " + italic(value_name(option));
}

std::string option_sections(const CLI::App& command) {
  std::string page;
  const auto add = [&](const std::string& title, const std::vector<const CLI::Option*>& options) {
    if (options.empty()) return;
    page += section(title);
    for (const auto* option : options) {
      const std::string& value = option->get_default_str();
      page += item(option_title(*option), option->get_description() + (value.empty() ? "" : " (" + value + ")"));
    }
  };
  add("Arguments", command.get_options([](const CLI::Option* option) { return option->get_positional(); }));
  for (const auto& group : command.get_groups()) {
    if (group.empty()) continue;  // what is not shown
    add(group, command.get_options(
                   [&](const CLI::Option* option) { return option->nonpositional() && option->get_group() == group; }));
  }
  return page;
}

/// Indented lines stay as they are; "Examples:" is a section.
std::string footer(const CLI::App& command) {
  const std::string text = command.get_footer();
  if (text.empty()) return "";
  std::string page = text.starts_with("Examples:\n") ? "" : section("Notes");
  bool example = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line == "Examples:") {
      page += section("Examples");
      continue;
    }
    if (line.starts_with("  ") != example) page += example ? ".EE\n" : ".EX\n";
    example = line.starts_with("  ");
    page += roff(line) + "\n";
  }
  return example ? page + ".EE\n" : page;
}

std::string begin_page(const CLI::App& app, const std::string& name, const std::string& description) {
  std::string says = description;
  if (says.ends_with('.')) says.pop_back();
  return ".TH " + upper(name) + " 1 \"\" \"" + app.version() + "\" \"User Commands\"\n" + section("Name") + name +
         " \\- " + roff(says) + "\n";
}

}  // namespace

void set_help_format(CLI::App& app) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->column_width(34);
}

std::string man_page(const CLI::App& app) {
  std::string page = begin_page(app, "jobhost", app.get_description());
  page += section("Synopsis") + ".B jobhost\n[" + italic("options") + "] " + italic("command") + " [" +
          italic("arguments") + "]\n";
  page +=
      section("Description") +
      "A plain C++ function in a source file or a plugin is a kernel; a job maps it over many inputs, each of which "
      "is a task. Results go to standard output, all else to standard error. Each command has a page of its own, "
      "jobhost\\-run(1) for instance, and " +
      bold("--help") + ".\n" + section("Commands");
  for (const auto& [group, names] : kCommandGroups) {
    page += ".SS " + roff(group) + "\n";
    for (const auto& name : names) page += item(bold(name), app.get_subcommand(name)->get_description());
  }
  page += option_sections(app) + section("Environment") +
          item(bold("JOBHOST_STORE"), "The directory that holds jobs, where --store is not given; else .jobhost.") +
          item(bold("NO_COLOR"), "If not empty, nothing is coloured.") + section("Exit status");
  for (const auto& [code, meaning] : std::initializer_list<std::pair<const char*, const char*>>{
           {"0", "All tasks succeeded."},
           {"1", "The job ended and some tasks failed; the results of the others are usable."},
           {"2", "Usage: an unknown option or kernel, or inputs that do not fit the signature."},
           {"3", "The plugin was refused: it cannot be loaded, or changed since it was submitted."},
           {"4", "Workers could not run, or the disk is full."},
           {"5", "Damaged or foreign data."},
           {"75", "Another host runs this job."},
           {"130, 143", "Interrupted; what was committed is kept, and jobhost resume goes on."}}) {
    page += item(bold(code), meaning);
  }
  return page + footer(app);
}

std::string man_page(const CLI::App& app, const std::string& name) {
  const CLI::App& command = *app.get_subcommand(name);
  std::string page = begin_page(app, "jobhost-" + name, command.get_description());
  page += section("Synopsis") + bold("jobhost " + name) + " [" + italic("options") + "]";
  for (const auto* option : command.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    page += " [" + italic(value_name(*option)) + "]";
  }
  page += "\n" + option_sections(command);
  for (const auto* action : command.get_subcommands([](const CLI::App* part) { return !part->get_name().empty(); })) {
    page += section(name + " " + action->get_name()) + roff(action->get_description()) + "\n";
    for (const auto* option : action->get_options()) {
      if (option->get_name() != "--help") page += item(option_title(*option), option->get_description());
    }
    if (action->get_footer() != command.get_footer()) page += ".PP\n" + roff(action->get_footer()) + "\n";
  }
  return page + footer(command) + section("See also") + "jobhost(1)\n";
}

}  // namespace jobhost::cli
