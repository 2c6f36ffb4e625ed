#include <catch2/catch.hpp>
#include <filesystem>
#include <ranges>

#include "jobhost/jobhost.hpp"
#include "linked.hpp"

namespace {

const std::vector<std::string> kBackends = {"processes", "threads"};

std::string through_program(int x) { return linked::globals_as_text(x); }

/// Gives the globals of the linked plugin values, and their initial ones back at the end.
struct Changed {
  Changed() {
    linked::scale = 2.5;
    linked::names = {"Ada", "Grace"};
    linked::greeting = "good morning";
    linked::set_hidden_scale(7);
    linked::set_undeclared(9);
  }
  ~Changed() {
    linked::scale = 1;
    linked::names.clear();
    linked::greeting = "hello";
    linked::set_hidden_scale(1);
    linked::set_undeclared(1);
  }
};

std::string store_in(const char* name) {
  const auto path = std::filesystem::temp_directory_path() / (std::string("jobhost-globals-") + name);
  std::filesystem::remove_all(path);
  return path;
}

}  // namespace

TEST_CASE("tasks see the values that declared globals of linked plugins had at the start") {
  const Changed changed;
  const std::vector<std::string> expected{"good morning 5.000000 7 Ada Grace 1"};
  const std::vector<int> inputs{2};
  for (const auto& backend : kBackends) {
    const jobhost::Options options{.backend = backend, .workers = 2};
    CHECK(jobhost::map(options, linked::globals_as_text, inputs).to_vector() == expected);
    CHECK(jobhost::map(options, through_program, inputs).to_vector() == expected);
    jobhost::Pool pool(options);
    linked::scale = 100;  // too late for this pool
    CHECK(pool.pipe(linked::globals_as_text, 2) == expected[0]);
    CHECK(pool.map(through_program, inputs).to_vector() == expected);
    CHECK(jobhost::map(options, linked::globals_as_text, inputs).to_vector()[0].starts_with("good morning 200."));
    linked::scale = 2.5;
  }
}

TEST_CASE("stored jobs keep declared globals, all windows of a map the same") {
  const Changed changed;
  const std::string store = store_in("stored");
  for (const auto& backend : kBackends) {
    const jobhost::Options options{.backend = backend, .workers = 2, .store = store};
    const auto texts = jobhost::map(options, linked::globals_as_text, std::vector<int>{2, 4}).to_vector();
    CHECK(texts ==
          std::vector<std::string>{"good morning 5.000000 7 Ada Grace 1", "good morning 10.000000 7 Ada Grace 1"});
    const auto id = jobhost::submit(options, through_program, std::vector<int>{2});
    linked::greeting = "goodbye";
    CHECK(jobhost::attach<std::string>(id, store).to_vector() ==
          std::vector<std::string>{"good morning 5.000000 7 Ada Grace 1"});
    linked::greeting = "good morning";
    int seen = 0;
    for (const auto& text : jobhost::imap(options, linked::globals_as_text, std::views::iota(0))) {
      linked::greeting = "changed meanwhile";
      CHECK(text.starts_with("good morning "));
      if (++seen == 3000) break;
    }
    linked::greeting = "good morning";
  }
  std::filesystem::remove_all(store);
}

TEST_CASE("without a change, declared globals are as they are initialised") {
  CHECK(jobhost::map(linked::globals_as_text, std::vector<int>{3}).to_vector()[0] == "hello 3.000000 1 1");
}
