#include "backend/template_queue.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <regex>
#include <utility>

#include "backend/queued_worker.hpp"
#include "base/error.hpp"
#include "base/suggest.hpp"
#include "base/utf8.hpp"
#include "store/job_directory.hpp"

namespace jobhost::backend {
namespace {

constexpr std::size_t kMostText = 64 << 10;
constexpr std::size_t kMostLine = 4096;  // of what commands print
constexpr const char* kMark = "#jobhost";
constexpr const char* kForm = "docs/templates.md describes templates";

using Words = std::vector<std::string>;
using Values = std::map<std::string, std::string>;

const Words kScriptWords = {"worker", "environment", "name", "workers", "last", "lanes", "job", "user"};
const Words kSubmitWords = {"script", "name", "workers", "last", "lanes", "job", "user"};
const Words kCommandWords = {"ids", "name", "job", "user"};

Words lines_of(const std::string& text) {
  Words lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// Replaces each {word}, but not in ${word}; {{word}} becomes {word}. A word is of lower-case letters and dashes.
template <class ValueOf>
std::string filled(const std::string& text, const ValueOf& value_of) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at + 1);
    const char before = at > 0 ? text[at - 1] : ' ';
    if (text[at] != '{' || end == at + 1 || end == std::string::npos || text[end] != '}' || before == '$') {
      result += text[at];
    } else if (before == '{' && text.compare(end, 2, "}}") == 0) {
      result += text.substr(at + 1, end - at);
      at = end + 1;
    } else {
      result += value_of(text.substr(at + 1, end - at - 1));
      at = end;
    }
  }
  return result;
}

std::string filled(const std::string& text, const Values& values) {
  return filled(text, [&](const std::string& word) {
    const auto value = values.find(word);
    return value == values.end() ? "{" + word + "}" : value->second;
  });
}

/// Any of several expressions; none matches nothing.
class Expressions {
 public:
  void add(const std::string& expression) {
    any_.emplace_back(expression, std::regex::ECMAScript | std::regex::optimize);
  }

  /// What the first group of the first one that is found in `line` holds, or all that it found where it has no group.
  std::optional<std::string> find(const std::string& line) const {
    std::smatch found;
    for (const auto& expression : any_) {
      if (std::regex_search(line, found, expression)) return found[found.size() > 1 ? 1 : 0].str();
    }
    return std::nullopt;
  }

  /// How many workers `line` tells of: one, or the number in the group.
  unsigned count(const std::string& line) const {
    const auto found = find(line);
    if (!found) return 0;
    unsigned number = 0;
    const auto read = std::from_chars(found->data(), found->data() + found->size(), number);
    return read.ec == std::errc() && read.ptr == found->data() + found->size() ? number : 1;
  }

  bool find_in_lines(const std::string& text) const {
    const Words lines = lines_of(text);
    return std::any_of(lines.begin(), lines.end(),
                       [this](const auto& line) { return find(line.substr(0, kMostLine)); });
  }

 private:
  std::vector<std::regex> any_;
};

/// A template as it is written.
class Template {
 public:
  Template(const std::string& text, std::string name) : name_(std::move(name)), lines_(lines_of(text)) {
    if (text.size() > kMostText) throw refusal(0, "is longer than 64 KiB, which no template is");
    if (text.find_first_of(std::string("\r\0", 2)) != std::string::npos) {
      throw refusal(0, "holds a carriage return or a zero byte", "lines end with a line feed alone");
    }
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(base::utf8_length(rest))) {
      if (base::utf8_length(rest) == 0) throw refusal(0, "is no UTF-8 text");
    }
    if (text.compare(0, 2, "#!") != 0) throw refusal(1, "a template begins with '#!', as in #!/bin/sh");
    bool starts_workers = false;
    for (number_ = 1; number_ <= lines_.size(); ++number_) {
      const std::string& line = lines_[number_ - 1];
      if (line.compare(0, std::string(kMark).size(), kMark) == 0) {
        take(line);
      } else {
        const Words words = check(line, kScriptWords);
        starts_workers = starts_workers || std::find(words.begin(), words.end(), "worker") != words.end();
      }
    }
    for (const char* key : {"submit", "status", "running", "waiting", "cancel"}) {
      if (!said_.contains(key)) throw refusal(0, std::string("has no line '#jobhost ") + key + ": …'");
    }
    if (!starts_workers) throw refusal(0, "has no {worker}: nothing would be started");
    if (needs_ids_ && !said_.contains("id")) {
      throw refusal(0, "uses {ids}, but has no line '#jobhost id: …'",
                    "it says what in the output of submit is the id, as in #jobhost id: Your job (\\d+)");
    }
  }

  std::string system = "the queue";
  std::string submit, status, cancel, cancel_waiting;
  Expressions id, running, waiting, ended, full, accident;
  unsigned most = 1000, lanes = 1;

  bool has_ids() const { return said_.contains("id"); }

  /// The script. Commands in it are those that are run, but for {ids}.
  std::string script(const Values& values) const {
    std::string text;
    for (const auto& line : lines_) {
      const std::string key = key_of(line);
      text += (key.empty() || command(key) ? filled(line, values) : line) + "\n";
    }
    return text;
  }

 private:
  base::Error refusal(std::size_t line, const std::string& what, const std::string& hint = kForm) const {
    if (line == 0) return base::Error(base::ExitCode::kUsage, "'" + name_ + "' " + what, hint);
    return base::Error(base::ExitCode::kUsage, "'" + name_ + "', line " + std::to_string(line) + ": " + what, hint);
  }

  static std::string key_of(const std::string& line) {
    const std::string mark = std::string(kMark) + " ";
    if (line.compare(0, mark.size(), mark) != 0) return "";
    return line.substr(mark.size(), line.find(':') - mark.size());
  }

  static std::string Template::*command(const std::string& key) {
    static const std::map<std::string, std::string Template::*> kCommands = {
        {"submit", &Template::submit},
        {"status", &Template::status},
        {"cancel", &Template::cancel},
        {"cancel-waiting", &Template::cancel_waiting}};
    const auto found = kCommands.find(key);
    return found == kCommands.end() ? nullptr : found->second;
  }

  static Expressions Template::*expression(const std::string& key) {
    static const std::map<std::string, Expressions Template::*> kExpressions = {
        {"id", &Template::id},       {"running", &Template::running}, {"waiting", &Template::waiting},
        {"ended", &Template::ended}, {"full", &Template::full},       {"accident", &Template::accident}};
    const auto found = kExpressions.find(key);
    return found == kExpressions.end() ? nullptr : found->second;
  }

  /// A line that begins with the mark.
  void take(const std::string& line) {
    const std::size_t colon = line.find(':');
    const std::string key = key_of(line);
    if (key.empty() || colon == std::string::npos) throw refusal(number_, "write '#jobhost KEY: VALUE'");
    const std::size_t begin = line.find_first_not_of(' ', colon + 1);
    const std::string value = begin == std::string::npos ? "" : line.substr(begin);
    if (value.empty()) throw refusal(number_, "'" + key + "' has no value");
    const bool again = !said_.insert({key, number_}).second;
    if (const auto member = command(key)) {
      const Words words = check(value, key == "submit" ? kSubmitWords : kCommandWords);
      needs_ids_ = needs_ids_ || std::find(words.begin(), words.end(), "ids") != words.end();
      this->*member += (again ? "\n" : "") + value;
    } else if (const auto among = expression(key)) {
      add(this->*among, value);
    } else if (again) {
      throw refusal(number_, "'" + key + "' is said in line " + std::to_string(said_[key]) + " already");
    } else if (key == "system") {
      system = value;
    } else if (key == "most") {
      most = number(value, 1'000'000);
    } else if (key == "lanes") {
      lanes = number(value, 1024);
    } else {
      const Words keys = {"submit", "status", "cancel",   "cancel-waiting", "id",   "running", "waiting",
                          "ended",  "full",   "accident", "system",         "most", "lanes"};
      const auto near = base::nearest(key, keys);
      throw refusal(number_, "there is no key '" + key + "'", near ? "did you mean '" + *near + "'?" : kForm);
    }
  }

  void add(Expressions& expressions, const std::string& text) const {
    try {
      expressions.add(text);
    } catch (const std::regex_error&) {
      throw refusal(number_, "that is no regular expression: " + text, "they are those of ECMAScript (JavaScript)");
    }
  }

  unsigned number(const std::string& text, unsigned most_allowed) const {
    unsigned value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size() && value > 0 && value <= most_allowed) {
      return value;
    }
    throw refusal(number_, "that is no number from 1 to " + std::to_string(most_allowed) + ": " + text);
  }

  /// The placeholders in a text, all of which are to be among `known`.
  Words check(const std::string& text, const Words& known) const {
    Words words;
    filled(text, [&](const std::string& word) -> std::string {
      if (std::find(known.begin(), known.end(), word) == known.end()) {
        const auto near = base::nearest(word, known);
        throw refusal(number_, "there is no placeholder {" + word + "} here",
                      (near ? "did you mean {" + *near + "}? " : "") + "{{" + word + "}} stands for {" + word + "}");
      }
      words.push_back(word);
      return "";
    });
    return words;
  }

  std::string name_;
  Words lines_;
  std::size_t number_ = 0;                   // of the line that is read
  std::map<std::string, std::size_t> said_;  // keys, and in which line first
  bool needs_ids_ = false;
};

std::string user_name() {
  const passwd* user = ::getpwuid(::getuid());
  return user ? user->pw_name : std::to_string(::getuid());
}

class TemplateQueue : public Queue {
 public:
  TemplateQueue(const Choice& choice, const std::string& job_directory)
      : template_(choice.options.empty() ? "" : choice.options.front(), "template"), job_(job_directory) {
    if (job_directory.find('\n') != std::string::npos) {
      throw base::Error(base::ExitCode::kUsage,
                        "no script can be made of a template for a job in '" + job_directory + "'",
                        "choose a store whose path is one line: --store");
    }
    values_ = {{"name", shell_word(queue_name(job_directory))},
               {"lanes", std::to_string(template_.lanes)},
               {"job", shell_word(job_directory)},
               {"user", shell_word(user_name())},
               {"script", shell_word(job_.queue_script())}};
  }

  std::string name() const override { return template_.system; }
  unsigned lanes_per_worker() const override { return template_.lanes; }
  unsigned most_at_once() override { return template_.most; }

  std::string script(const WorkerCommand& command, unsigned workers) const override {
    Values values = counted(workers);
    values["worker"] = "/bin/sh -c " + shell_word(checks_before_worker(command, "; ") + "; exec " +
                                                  queued_worker_line(command, template_.lanes, workers));
    const std::string lines = environment_lines();
    values["environment"] = lines.substr(0, lines.find_last_not_of('\n') + 1);
    return template_.script(values);
  }

  Words submission(const std::string&, unsigned workers) const override {
    return shell(filled(template_.submit, counted(workers)));
  }

  std::string id_of(const std::string& printed) const override {
    if (!template_.has_ids()) return "";
    for (const auto& line : lines_of(printed)) {
      if (const auto id = template_.id.find(line.substr(0, kMostLine)); id && !id->empty()) return *id;
    }
    throw base::Error(base::ExitCode::kBackendFailed,
                      template_.system + " took the job, but no id is in what submit printed: '" +
                          printed.substr(0, printed.find('\n')).substr(0, kMostLine) + "'",
                      "correct the template's line 'id', and see whether workers are left in the queue");
  }

  bool is_full(const std::string& complaints) const override { return template_.full.find_in_lines(complaints); }

  Words question(const Words& ids) const override { return about(template_.status, ids); }

  QueueAnswer answer(const std::string& printed) const override {
    QueueAnswer answer;
    for (const auto& whole : lines_of(printed)) {
      const std::string line = whole.substr(0, kMostLine);
      if (const unsigned count = template_.running.count(line)) {
        answer.running += count;
      } else if (const unsigned waiting = template_.waiting.count(line)) {
        answer.waiting += waiting;
      } else if (const auto how = template_.ended.find(line)) {
        ++answer.ended[*how];
      }
    }
    return answer;
  }

  Words withdrawal(const Words& ids, bool waiting_only) const override {
    return about(waiting_only ? template_.cancel_waiting : template_.cancel, ids);
  }

  bool was_accident(const std::string& how_it_ended) const override {
    return template_.accident.find(how_it_ended).has_value();
  }

 private:
  /// With -e: what a pipe hides, commands on lines of their own do not.
  static Words shell(const std::string& commands) { return {"/bin/sh", "-e", "-c", commands}; }

  Values counted(unsigned workers) const {
    Values values = values_;
    values["workers"] = std::to_string(workers);
    values["last"] = std::to_string(workers - 1);
    return values;
  }

  /// What runs commands about submissions with these ids; nothing is asked of none.
  Words about(const std::string& commands, const Words& ids) const {
    if (ids.empty() && commands.find("{ids}") != std::string::npos) return shell(":");
    std::string list;
    for (const auto& id : ids) list += (list.empty() ? "" : " ") + shell_word(id);
    Values values = values_;
    values["ids"] = list;
    return shell(filled(commands, values));
  }

  Template template_;
  store::JobDirectory job_;
  Values values_;
};

}  // namespace

std::string checked_template(const std::string& text, const std::string& name) {
  const Template checked(text, name);
  return text;
}

std::unique_ptr<Queue> make_template_queue(const Choice& choice, const std::string& job_directory) {
  return std::make_unique<TemplateQueue>(choice, job_directory);
}

}  // namespace jobhost::backend
