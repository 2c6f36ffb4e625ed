#include <catch2/catch.hpp>

#include "backend/template_queue.hpp"
#include "base/error.hpp"

using namespace jobhost;
using backend::QueueAnswer;

namespace {

using Words = std::vector<std::string>;

/// A template that is sound; tests put lines in it or leave some out.
const std::string kSound =
    "#!/bin/sh\n"
    "#jobhost submit: put {script}\n"
    "#jobhost status: look {name}\n"
    "#jobhost running: ^R\n"
    "#jobhost waiting: ^W\n"
    "#jobhost cancel: drop {name}\n"
    "exec {worker}\n";

std::string without(const std::string& part) {
  const std::size_t at = kSound.find(part);
  const std::size_t begin = kSound.rfind('\n', at) + 1, end = kSound.find('\n', at) + 1;
  return kSound.substr(0, begin) + kSound.substr(end);
}

/// What is said of a text that is no template: its sentence, and the hint.
std::pair<std::string, std::string> refusal(const std::string& text) {
  try {
    backend::checked_template(text, "q.sh");
  } catch (const base::Error& error) {
    REQUIRE(error.code() == base::ExitCode::kUsage);
    return {error.what(), error.hint()};
  }
  return {};
}

std::unique_ptr<backend::Queue> queue(const std::string& text, const std::string& job = "/s/20261126-120000-ab12") {
  return backend::make_template_queue({"template", {text}}, job);
}

backend::WorkerCommand command() { return {"/opt/jobhost", "/s/20261126-120000-ab12", std::string(64, 'd')}; }

/// The line of a script that begins so.
std::string line_of(const std::string& script, const std::string& beginning) {
  const std::size_t at = ("\n" + script).find("\n" + beginning);
  REQUIRE(at != std::string::npos);
  return script.substr(at, script.find('\n', at) - at);
}

}  // namespace

TEST_CASE("a template that is sound stays as it is") { CHECK(backend::checked_template(kSound, "q.sh") == kSound); }

TEST_CASE("what is missing in a template is named") {
  for (const std::string key : {"submit", "status", "running", "waiting", "cancel"}) {
    CHECK(refusal(without(key + ":")).first == "'q.sh' has no line '#jobhost " + key + ": …'");
  }
  CHECK(refusal(without("{worker}")).first == "'q.sh' has no {worker}: nothing would be started");
  CHECK(refusal(without("#!")).first == "'q.sh', line 1: a template begins with '#!', as in #!/bin/sh");
  CHECK(refusal("").first == "'q.sh', line 1: a template begins with '#!', as in #!/bin/sh");
  const auto [sentence, hint] = refusal(kSound + "#jobhost cancel-waiting: drop {ids}\n");
  CHECK(sentence == "'q.sh' uses {ids}, but has no line '#jobhost id: …'");
  CHECK(hint == "it says what in the output of submit is the id, as in #jobhost id: Your job (\\d+)");
  CHECK(refusal(kSound + "#jobhost cancel-waiting: drop {ids}\n#jobhost id: (\\d+)\n").first == "");
}

TEST_CASE("each wrong line of a template has its sentence") {
  const auto [line, sentence, hint] = GENERATE(table<std::string, std::string, std::string>({
      {"#jobhost", "write '#jobhost KEY: VALUE'", ""},
      {"#jobhost most", "write '#jobhost KEY: VALUE'", ""},
      {"#jobhostmost: 3", "write '#jobhost KEY: VALUE'", ""},
      {"#jobhost most:", "'most' has no value", ""},
      {"#jobhost most:  ", "'most' has no value", ""},
      {"#jobhost most: 0", "that is no number from 1 to 1000000: 0", ""},
      {"#jobhost most: 1000001", "that is no number from 1 to 1000000: 1000001", ""},
      {"#jobhost most: 3 ", "that is no number from 1 to 1000000: 3 ", ""},
      {"#jobhost most: -3", "that is no number from 1 to 1000000: -3", ""},
      {"#jobhost lanes: 1025", "that is no number from 1 to 1024: 1025", ""},
      {"#jobhost lanes: two", "that is no number from 1 to 1024: two", ""},
      {"#jobhost ended: (", "that is no regular expression: (", "they are those of ECMAScript (JavaScript)"},
      {"#jobhost full: [z-a]", "that is no regular expression: [z-a]", "they are those of ECMAScript (JavaScript)"},
      {"#jobhost runing: x", "there is no key 'runing'", "did you mean 'running'?"},
      {"#jobhost colour: x", "there is no key 'colour'", "docs/templates.md describes templates"},
      {"echo {wokers}", "there is no placeholder {wokers} here",
       "did you mean {workers}? {{wokers}} stands for {wokers}"},
      {"echo {ids}", "there is no placeholder {ids} here", "{{ids}} stands for {ids}"},
      {"#jobhost submit: put {ids}", "there is no placeholder {ids} here", "{{ids}} stands for {ids}"},
      {"#jobhost status: look {script}", "there is no placeholder {script} here", "{{script}} stands for {script}"},
  }));
  CAPTURE(line);
  const auto said = refusal(kSound + line + "\n");
  CHECK(said.first == "'q.sh', line 8: " + sentence);
  CHECK(said.second == (hint.empty() ? "docs/templates.md describes templates" : hint));
}

TEST_CASE("a number is said once, commands and expressions as often as they have lines") {
  CHECK(refusal(kSound + "#jobhost lanes: 1\n#jobhost lanes: 2\n").first ==
        "'q.sh', line 9: 'lanes' is said in line 8 already");
  CHECK(refusal(kSound + "#jobhost system: A\n#jobhost system: B\n").first ==
        "'q.sh', line 9: 'system' is said in line 8 already");
  const auto twice = queue(kSound + "#jobhost status: look again\n#jobhost running: ^T\n");
  CHECK(twice->question({}).back() == "look jobhost-20261126-120000-ab12\nlook again");
  CHECK(twice->answer("R\nT\n").running == 2);
}

TEST_CASE("what is no text is no template") {
  CHECK(refusal(kSound + "# \xff\n").first == "'q.sh' is no UTF-8 text");
  CHECK(refusal(kSound + "exit\r\n").first == "'q.sh' holds a carriage return or a zero byte");
  CHECK(refusal(kSound + std::string("# \0\n", 4)).first == "'q.sh' holds a carriage return or a zero byte");
  CHECK(refusal(kSound + std::string(64 << 10, '#')).first == "'q.sh' is longer than 64 KiB, which no template is");
  CHECK_THROWS_WITH(queue(kSound, "/s/a\nb"), "no script can be made of a template for a job in '/s/a\nb'");
}

TEST_CASE("placeholders are what stands in braces alone") {
  const auto script = queue(kSound +
                            "#jobhost lanes: 2\n"
                            "a {workers} {last} {lanes} {job}\n"
                            "b {{name}} ${name} ${name:-x} { name; } {Name} {} {na me} {name\n"
                            "c {{{lanes}}} {lanes}{lanes} {{lanes}\n")
                          ->script(command(), 3);
  CHECK(line_of(script, "a ") == "a 3 2 2 /s/20261126-120000-ab12");
  CHECK(line_of(script, "b ") == "b {name} ${name} ${name:-x} { name; } {Name} {} {na me} {name");
  CHECK(line_of(script, "c ") == "c {{lanes}} 22 {2");
  CHECK(line_of(script, "#jobhost status") == "#jobhost status: look jobhost-20261126-120000-ab12");
  CHECK(line_of(script, "#jobhost running") == "#jobhost running: ^R");
}

TEST_CASE("what a shell would read otherwise is quoted") {
  const auto odd = queue(kSound, "/s/it's a job");
  CHECK(odd->question({}).back() == "look 'jobhost-it'\\''s a job'");
  CHECK(odd->submission("", 1) == Words{"/bin/sh", "-e", "-c", "put '/s/it'\\''s a job/host/queue.sh'"});
}

TEST_CASE("the lines of a status are counted") {
  const auto numbered =
      queue(without("running:") + "#jobhost running: run (\\d+)$\n#jobhost running: ^(R)\n#jobhost ended: end (.*)\n");
  const QueueAnswer answer =
      numbered->answer("run 12\nR x\nW\nW\nend OUT OF MEMORY\nend OUT OF MEMORY\nend 0\nnoise\n");
  CHECK(answer.running == 13);
  CHECK(answer.waiting == 2);
  CHECK(answer.ended == std::map<std::string, unsigned>{{"OUT OF MEMORY", 2}, {"0", 1}});
  const QueueAnswer nothing = numbered->answer("");
  CHECK(nothing.running + nothing.waiting + nothing.ended.size() == 0);
  CHECK(numbered->answer("run 0\n").running == 0);
}

TEST_CASE("ids are what submit printed first that fits") {
  const auto by_id = queue(without("status:") + "#jobhost status: look {ids}\n#jobhost id: job <(\\w*)>\n");
  CHECK(by_id->id_of("welcome\njob <>\njob <a1>\njob <b2>\n") == "a1");
  CHECK_THROWS_WITH(by_id->id_of("welcome\nnothing\n"),
                    "the queue took the job, but no id is in what submit printed: 'welcome'");
  CHECK(by_id->question({"a1", "it's"}).back() == "look a1 'it'\\''s'");
  CHECK(by_id->question({}).back() == ":");
  CHECK(queue(kSound)->id_of("job <a1>") == "");
}

TEST_CASE("what is full and what was an accident") {
  const auto some = queue(kSound + "#jobhost full: limit\n#jobhost full: ^busy$\n#jobhost accident: ^NODE\n");
  CHECK(some->is_full("error:\nover the limit\n"));
  CHECK(some->is_full("busy\n"));
  CHECK_FALSE(some->is_full("very busy\n"));
  CHECK(some->was_accident("NODE_FAIL"));
  CHECK_FALSE(some->was_accident("A NODE"));
  CHECK_FALSE(queue(kSound)->is_full("limit"));
  CHECK(queue(kSound)->withdrawal({}, true).back() == "");
}
