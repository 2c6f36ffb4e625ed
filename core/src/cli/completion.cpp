#include "cli/completion.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "backend/backend.hpp"
#include "backend/option_names.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "build/plugin_builder.hpp"
#include "cli/backend_options.hpp"
#include "cli/help.hpp"
#include "cli/job_names.hpp"
#include "cli/option_of.hpp"
#include "cli/plugin_target.hpp"
#include "cli/run_options.hpp"

namespace jobhost::cli {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& line) {
  Words words = build::split_words(line);
  if (line.empty() || line.back() == ' ') words.emplace_back();
  return words;
}

/// A command line up to the word that is to be completed.
struct Line {
  const CLI::App* command = nullptr;    // the last that was named, or the program
  const CLI::Option* option = nullptr;  // whose value the word is
  Words arguments;                      // words before it that are no options and no options' values
  std::string begun;                    // what stands there already: of "--format=cs" it is "cs"
  std::string before;                   // and what stands before that in the same word
};

const CLI::App* subcommand(const CLI::App& app, const std::string& name) {
  const auto found = app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
  return found.empty() ? nullptr : found[0];
}

Line parsed(const CLI::App& app, Session& session, const std::string& text) {
  Line line;
  line.command = &app;
  const Words words = words_of(text);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool last = i + 1 == words.size();
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    if (line.option) {
      if (line.option->get_name() == "--store") session.store_path = word;
      line.begun = word;
      if (!last) line.option = nullptr;
    } else if (word.starts_with('-') && (!last || equals != std::string::npos)) {
      const CLI::Option* option = option_of(*line.command, app, word);
      const bool wants = option && takes_value(*option);
      if (last && wants) {
        line.option = option;
        line.before = word.substr(0, equals + 1);
        line.begun = word.substr(equals + 1);
      } else if (wants && equals == std::string::npos && (word.starts_with("--") || word.size() == 2)) {
        line.option = option;
      }
    } else if (last) {
      line.begun = word;
    } else if (const auto named = subcommand(*line.command, word); named && line.arguments.empty()) {
      line.command = named;
    } else {
      line.arguments.push_back(word);
    }
  }
  return line;
}

Words names_of(const std::vector<const CLI::App*>& commands) {
  Words names;
  for (const auto* command : commands) {
    const bool internal = command->get_group() == "Internal" || command->get_group().empty();
    if (!internal && !command->get_name().empty()) names.push_back(command->get_name());
  }
  return names;
}

Words options_of(const CLI::App& app, const CLI::App& command) {
  Words names;
  for (const CLI::App* holder : {&command, &app}) {
    for (const auto* option : holder->get_options()) {
      for (const auto& name : option->get_lnames()) {
        if (std::find(names.begin(), names.end(), "--" + name) == names.end()) names.push_back("--" + name);
      }
    }
  }
  return names;
}

/// Words with the same ending.
Words with(Words words, const std::string& ending) {
  for (auto& word : words) word += ending;
  return words;
}

/// Of a list whose parts are separated by commas only the last is completed.
Words behind_commas(const std::string& begun, Words words) {
  const std::size_t comma = begun.rfind(',');
  if (comma == std::string::npos) return words;
  for (auto& word : words) word.insert(0, begun, 0, comma + 1);
  return words;
}

/// Source files and plugins, ready for the kernel's name; folders.
Words code_files(base::Env& env, const std::string& begun) {
  Words found;
  const std::string folder = begun.substr(0, begun.rfind('/') + 1);
  for (const auto& name : base::names_in(env, folder.empty() ? "." : folder)) {
    if (name.starts_with('.') && !begun.substr(folder.size()).starts_with('.')) continue;
    if (name.ends_with(".so") || build::is_source(name)) {
      found.push_back(folder + name + ":");
    } else if (base::exists(env, folder + name + "/.")) {
      found.push_back(folder + name + "/");
    }
  }
  return found;
}

Words kernels_in(Session& session, const std::string& path) {
  Words found;
  for (const auto& function : names_in_code(session, path).functions) found.push_back(function.name);
  return found;
}

/// The plugin or source file among the arguments and its kernel, "" where none is named; nothing when there is none
/// yet.
std::optional<std::pair<std::string, std::string>> target_of(const Line& line) {
  for (const auto& word : line.arguments) {
    const bool code = colon_of(word) != std::string::npos || word.ends_with(".so") || build::is_source(word);
    if (code && word.find('=') == std::string::npos) return split_target(word);
  }
  return std::nullopt;
}

/// Parameters of the kernel that the line is about: of its target, or of its job.
Words parameters_of(Session& session, const Line& line) {
  if (const auto target = target_of(line)) {
    const auto functions = names_in_code(session, target->first).functions;
    for (const auto& function : functions) {
      const bool only = target->second.empty() && functions.size() == 1;
      if (only || function.name == target->second) return function.parameters;
    }
    return {};
  }
  Words found;
  if (line.command->get_option_no_throw("job")) {
    const host::Job job = open_job(session, line.arguments.empty() ? "@last" : line.arguments[0]);
    for (const auto& parameter : schema::as_shown(job.manifest.kernel).parameters) found.push_back(parameter.name);
  }
  return found;
}

Words environment_variables() {
  Words names;
  for (char** entry = environ; *entry; ++entry) {
    const std::string variable = *entry;
    names.push_back(variable.substr(0, variable.find('=')));
  }
  return names;
}

/// The words that one_of() lets an option have.
Words words_among(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find(":{");
  if (begin == std::string::npos || !type.ends_with('}')) return {};
  return CLI::detail::split(type.substr(begin + 2, type.size() - begin - 3), ',');
}

Words values_of(Session& session, const Line& line) {
  const std::string name = line.option->get_name();
  if (name == "--backend") return backend::backend_names();
  if (name == "--template") return template_names(session.env);
  if (name == "--chunk") return {"auto"};
  if (name == "--sample" && line.command->get_name() != "audit") return {"lhs:"};
  if (name == "--env") return environment_variables();
  if (name == "--reduce") return behind_commas(line.begun, {"sum", "mean", "var", "std", "sem", "min", "max", "hist:"});
  if (name == "--by") return behind_commas(line.begun, parameters_of(session, line));
  if (name == "--common" || name == "--linspace" || name == "--logspace") {
    return with(parameters_of(session, line), "=");
  }
  if (name == "--slurm") return with(backend::slurm_option_names(), "=");
  if (name == "--mpi") return with(backend::mpi_option_names(), "=");
  if (const auto target = target_of(line)) {
    if (name == "--init") return kernels_in(session, target->first);
    if (name == "--set") return with(names_in_code(session, target->first).variables, "=");
    if (name == "--global") return names_in_code(session, target->first).variables;
  }
  return words_among(*line.option);
}

/// The positional option that the next argument is for; the last one takes all that follow.
const CLI::Option* positional(const Line& line) {
  const auto options = line.command->get_options([](const CLI::Option* option) { return option->get_positional(); });
  if (options.empty()) return nullptr;
  const std::size_t place = line.arguments.size();
  if (place < options.size()) return options[place];
  return options.back()->get_items_expected_max() > 1 ? options.back() : nullptr;
}

Words arguments_for(const CLI::App& app, Session& session, const Line& line) {
  const CLI::Option* option = positional(line);
  if (!option) return {};
  const std::string type = option->get_type_name();
  if (type.starts_with("JOB")) {
    Words jobs = session.store().jobs();
    jobs.emplace_back("@last");
    return jobs;
  }
  if (type == "COMMAND") return names_of(app.get_subcommands([](const CLI::App*) { return true; }));
  if (type == "TARGET" && line.command->get_option_no_throw("inputs")) {
    const std::size_t colon = colon_of(line.begun);
    if (colon == std::string::npos) return code_files(session.env, line.begun);
    const std::string file = line.begun.substr(0, colon);
    Words found = kernels_in(session, file);
    for (auto& kernel : found) kernel.insert(0, file + ":");
    return found;
  }
  if (type == "NAME=SPEC") return with(parameters_of(session, line), "=");
  return words_among(*option);
}

Words candidates(const CLI::App& app, Session& session, const Line& line) {
  if (line.option) return values_of(session, line);
  if (line.begun.starts_with('-')) return options_of(app, *line.command);
  const auto commands = line.command->get_subcommands([](const CLI::App*) { return true; });
  if (!names_of(commands).empty() && line.arguments.empty()) return names_of(commands);
  return arguments_for(app, session, line);
}

}  // namespace

Words candidates_for(const CLI::App& app, Session& session, const std::string& text) {
  const Line line = parsed(app, session, text);
  Words found;
  for (const auto& candidate : candidates(app, session, line)) {
    if (candidate.starts_with(line.begun)) found.push_back(line.before + candidate);
  }
  return found;
}

}  // namespace jobhost::cli
