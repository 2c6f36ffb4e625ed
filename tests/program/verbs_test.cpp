#include <Random123/philox.h>
#include <sys/mman.h>
#include <unistd.h>

#include <Eigen/Dense>
#include <catch2/catch.hpp>
#include <cereal/cereal.hpp>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <sstream>

#include "jobhost/jobhost.hpp"
#include "linked.hpp"
#include "support/temporary_directory.hpp"

// What the tests map: functions of every kind, all of this program.
int behave_in_program(int x);
long power(long base, long exponent) {
  long result = 1;
  for (long i = 0; i < exponent; ++i) result *= base;
  return result;
}

namespace {

using linked::Diverged;
const jobhost::ExceptionType<Diverged> diverged;

int behave(int x) {
  if (x == 1) throw std::domain_error("one");
  if (x == 2) std::abort();
  if (x == 4) throw Diverged{7, {0.5, 0.25}};
  return 10 * x;
}
int pick(int x) { return behave(x); }
double pick(double x) { return behave(static_cast<int>(x)); }
template <class T>
T instance(T x) {
  return static_cast<T>(behave(static_cast<int>(x)));
}
struct Model {
  int factor;
  std::vector<int> more;
  int predict(int x) const { return behave(x) * factor / factor; }
  int operator()(int x) const { return behave(x) * more.at(0); }
};

int pid_of_task(int) { return static_cast<int>(::getpid()); }
std::vector<double> table;
double from_table(int i) { return table.at(static_cast<std::size_t>(i)); }

/// Ends of inputs 0 to 4 of a callable that behaves.
template <class Ends>
void check_ends(const char* name, const std::string& backend, Ends ends) {
  INFO(name << " on " << backend);
  REQUIRE(ends.size() == 5);
  CHECK(ends[0].value() == 0);
  CHECK_THROWS_AS(ends[1].value(), std::domain_error);
  CHECK_THROWS_WITH(ends[1].value(), "one");
  CHECK_THROWS_AS(ends[1].value(), jobhost::TaskFailure);
  CHECK(ends[1].failure().type() == "std::domain_error");
  CHECK(ends[1].failure().where().find(".cpp:") != std::string::npos);
  CHECK_THROWS_AS(ends[2].value(), jobhost::RemoteError);
  CHECK(ends[2].failure().kind() == "crash");
  CHECK(ends[2].failure().message() == "SIGABRT");
  CHECK(ends[2].failure().task() == 2);
  CHECK(ends[2].failure().inputs().ends_with("2"));
  CHECK_FALSE(ends[2].failure().stack().empty());
  CHECK(ends[3].value() == 30);
  try {
    ends[4].value();
    FAIL("nothing was thrown");
  } catch (const Diverged& error) {
    CHECK(error.step == 7);
    CHECK(error.residuals == std::vector<double>{0.5, 0.25});
  }
}

/// By a job of its own, and by a pool, which may have run others.
template <class F>
void check_callable(const char* name, const jobhost::Options& options, jobhost::Pool& pool, const F& f) {
  const std::vector<int> inputs{0, 1, 2, 3, 4};
  check_ends(name, options.backend, jobhost::outcomes(options, f, inputs).to_vector());
  check_ends(name, "pool of " + options.backend, pool.outcomes(f, inputs).to_vector());
}

class Account {
 public:
  explicit Account(int cents = 0) : cents_(cents) {}
  virtual ~Account() = default;  // neither an aggregate nor bytes
  Account(const Account&) = default;
  Account& operator=(const Account&) = default;
  int cents() const { return cents_; }
  int operator()(int more) const { return cents_ + more; }
  friend bool operator==(const Account& a, const Account& b) { return a.cents_ == b.cents_; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("cents", cents_));
  }

 private:
  int cents_;
};

class Overdrawn : public std::runtime_error {
 public:
  explicit Overdrawn(int missing = 0) : std::runtime_error("missing " + std::to_string(missing)), missing_(missing) {}
  int missing() const { return missing_; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("missing", missing_));
  }

 private:
  int missing_;
};
const jobhost::ExceptionType<Overdrawn> overdrawn;

const std::vector<std::string> kBackends = {"processes", "threads"};

}  // namespace

int behave_in_program(int x) { return behave(x); }

TEST_CASE("every kind of callable returns, throws and crashes alike on every backend") {
  for (const auto& backend : kBackends) {
    const jobhost::Options options{.backend = backend, .workers = 2, .retries = 0};
    jobhost::Pool pool(options);
    const auto check = [&](const char* name, const auto& f) { check_callable(name, options, pool, f); };
    const int ten = 10;
    const double scale = 1;
    check("plugin function", linked::behave);
    check("program function", behave_in_program);
    check("static function", behave);
    check("lambda", [](int x) { return behave(x); });
    check("closure", [ten, scale](int x) { return static_cast<int>(behave(x) * ten / ten * scale); });
    check("overload", static_cast<int (*)(int)>(pick));
    check("other overload", static_cast<double (*)(double)>(pick));
    check("template instance", instance<long>);
    check("generic lambda", [](auto x) { return instance(x); });
    check("functor", Model{2, {1}});
    check("bound",
          jobhost::bind([](const std::vector<int>& v, int x) { return v[0] * behave(x); }, std::vector<int>{1}));
    const std::vector<int> inputs{0, 1, 2, 3, 4};
    check_ends("member function", backend,
               jobhost::outcomes(options, &Model::predict, Model{3, {}}, inputs).to_vector());
    check_ends("member function", "pool of " + backend,
               pool.outcomes(&Model::predict, Model{3, {}}, inputs).to_vector());
    CHECK(pool.pipe(twice_as_good, 4) == 8);
  }
}

TEST_CASE("what lies between the members of a closure is not taken for an address") {
  const int ten = 10;
  const double scale = 1;
  const auto closure = [ten, scale](int x) { return x * ten * scale; };
  using Closure = std::remove_const_t<decltype(closure)>;
  alignas(Closure) unsigned char memory[sizeof closure];
  auto* const place = reinterpret_cast<std::uintptr_t*>(memory);
  *place = reinterpret_cast<std::uintptr_t>(&ten);  // its upper half stays
  const int low = 10;
  std::memcpy(memory, &low, sizeof low);
  std::memcpy(memory + 8, &scale, sizeof scale);
  // An address that both halves together make belongs to this process.
  const auto page = *place / 4096 * 4096;
  void* const mapped = ::mmap(reinterpret_cast<void*>(page), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(mapped != MAP_FAILED);
  CHECK(jobhost::pipe(*std::launder(reinterpret_cast<const Closure*>(memory)), 2) == 20);
  ::munmap(mapped, 4096);
}

// The examples of pathos' documentation: pow over [1,2,3,4] and [5,6,7,8].
TEST_CASE("the verbs of pathos") {
  const std::vector<long> base{1, 2, 3, 4}, exponent{5, 6, 7, 8}, answers{1, 64, 2187, 65536};
  CHECK(jobhost::map(power, base, exponent).to_vector() == answers);
  auto lazy = jobhost::imap(power, base, exponent);
  std::vector<long> seen;
  for (const long value : lazy) seen.push_back(value);
  CHECK(seen == answers);
  std::map<std::uint64_t, long> unordered;
  for (const auto& [index, value] : jobhost::uimap(power, base, exponent)) unordered[index] = value;
  CHECK(unordered == std::map<std::uint64_t, long>{{0, 1}, {1, 64}, {2, 2187}, {3, 65536}});
  auto later = jobhost::amap(power, base, exponent);
  while (!later.wait_for(std::chrono::seconds(5))) {
  }
  CHECK(later.ready());
  CHECK(later.done() == 4);
  CHECK(later.get() == answers);
  CHECK(jobhost::pipe(power, 3, 7) == 2187);
  CHECK(jobhost::apipe(power, 4, 8).get() == 65536);
  const std::vector<std::tuple<long, long>> pairs{{1, 5}, {2, 6}};
  CHECK(jobhost::starmap(power, pairs).to_vector() == std::vector<long>{1, 64});
}

TEST_CASE("arguments are zipped, repeated, or common") {
  const std::list<int> three{1, 2, 3};
  const auto add = [](int a, int b) { return 10 * a + b; };
  CHECK(jobhost::map(add, three, std::vector<int>{4, 5}).to_vector() == std::vector<int>{14, 25});
  CHECK(jobhost::map(add, three, 7).to_vector() == std::vector<int>{17, 27, 37});
  CHECK(jobhost::map([](const std::string& s, int n) { return s + std::to_string(n); }, "x", three).to_vector() ==
        std::vector<std::string>{"x1", "x2", "x3"});
  const std::vector<double> weights{0.5, 1.5, 2.5};
  const auto weight = [](std::span<const double> w, int i) { return w[static_cast<std::size_t>(i - 1)]; };
  CHECK(jobhost::map(weight, jobhost::common(weights), three).to_vector() == weights);
  CHECK(jobhost::map([](const auto& w, int i) { return w.size() + static_cast<std::size_t>(i); },
                     jobhost::common(weights), three)
            .to_vector() == std::vector<std::size_t>{4, 5, 6});
  const Eigen::MatrixXd matrix{{1, 2, 3}, {4, 5, 6}};
  const auto row = [](Eigen::Map<const Eigen::MatrixXd> m, int i) { return m.row(i - 1).sum(); };
  CHECK(jobhost::map(row, jobhost::common(matrix), std::vector<int>{1, 2}).to_vector() == std::vector<double>{6, 15});
  using RowMajor = Eigen::Matrix<double, -1, -1, Eigen::RowMajor>;
  const auto by_rows = [](Eigen::Map<const RowMajor> m, int i) { return m.data()[i]; };
  CHECK(jobhost::map(by_rows, jobhost::common(matrix), three).to_vector() == std::vector<double>{2, 3, 4});
  const Eigen::VectorXd vector{{1, 2, 3}};
  const auto at = [](Eigen::Map<const Eigen::VectorXd> v, int i) { return v[i - 1]; };
  CHECK(jobhost::map(at, jobhost::common(vector), three).to_vector() == std::vector<double>{1, 2, 3});
  CHECK(jobhost::map(add, std::vector<int>(), 1).to_vector().empty());
  CHECK(jobhost::pipe([] { return 5; }) == 5);
  CHECK(jobhost::pipe([](const std::vector<int>& v) { return v.size(); }, std::vector<int>{1, 2}) == 2);
  CHECK(jobhost::map([](int) {}, three).to_vector().size() == 3);
}

TEST_CASE(
    "tasks run in other processes, which initialise globals as the program does but do not see what main changed") {
  const std::set<int> pids = [] {
    const auto all = jobhost::map({.workers = 2}, pid_of_task, std::vector<int>(50)).to_vector();
    return std::set<int>(all.begin(), all.end());
  }();
  CHECK(!pids.contains(static_cast<int>(::getpid())));
  table = {1, 2, 3};
  CHECK_THROWS_AS(jobhost::pipe(from_table, 0), std::out_of_range);
  CHECK(jobhost::pipe(
            jobhost::bind([](const std::vector<double>& t, int i) { return t.at(static_cast<std::size_t>(i)); }, table),
            2) == 3);
}

TEST_CASE("ranges of whole numbers are made by the workers, in any type and from any start") {
  const auto text = [](auto x) { return std::to_string(x); };
  const auto by_type = [&](auto zero) {
    using T = decltype(zero);
    return jobhost::map([text](T x, T same) { return x == same ? text(x) : "differ"; }, std::views::iota(-2, 3),
                        std::vector<int>{-2, -1, 0, 1, 2})
        .to_vector();
  };
  CHECK(by_type(0) == std::vector<std::string>{"-2", "-1", "0", "1", "2"});
  CHECK(by_type(std::int8_t{0}) == std::vector<std::string>{"-2", "-1", "0", "1", "2"});
  CHECK(by_type(std::uint16_t{0}) == std::vector<std::string>{"65534", "65535", "0", "1", "2"});
  CHECK(by_type(0.0) == std::vector<std::string>{"-2.000000", "-1.000000", "0.000000", "1.000000", "2.000000"});
  jobhost::Pool pool({.workers = 2});
  CHECK(pool.map([](std::int8_t x) { return int{x}; }, std::views::iota(-2, 3)).to_vector() ==
        std::vector<int>{-2, -1, 0, 1, 2});
  long expected = 100;
  for (const long x : jobhost::map([](long value) { return value; }, std::views::iota(100L))) {
    REQUIRE(x == expected++);
    if (expected == 8000) break;
  }
}

TEST_CASE("an endless range is taken as far as it is wanted") {
  auto squares = jobhost::map([](long x) { return x * x; }, std::views::iota(0L));
  long expected = 0;
  for (const long square : squares | std::views::take(3000)) {
    REQUIRE(square == expected * expected);
    ++expected;
  }
  CHECK(expected == 3000);
  std::istringstream numbers("1 2 3 4");
  CHECK(jobhost::map([](int x) { return -x; }, std::views::istream<int>(numbers)).to_vector() ==
        std::vector<int>{-1, -2, -3, -4});
}

TEST_CASE("a failed task throws where its result is taken, and the next one may be taken after it") {
  auto results = jobhost::map({.retries = 0}, behave, std::vector<int>{0, 1, 3});
  auto it = results.begin();
  CHECK(*it == 0);
  ++it;
  CHECK_THROWS_AS(*it, std::domain_error);
  ++it;
  CHECK(*it == 30);
  ++it;
  CHECK(it == results.end());
}

TEST_CASE("exceptions come back as themselves, causes nested") {
  const auto nested = [](int) -> int {
    try {
      std::stoi("x");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
    return 0;
  };
  try {
    jobhost::pipe(nested, 1);
    FAIL("nothing was thrown");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()) == "outer");
    CHECK_THROWS_AS(std::rethrow_if_nested(error), std::invalid_argument);
  }
  CHECK_THROWS_AS(jobhost::pipe([] { return std::optional<int>().value(); }), std::bad_optional_access);
  CHECK_THROWS_AS(jobhost::pipe([] { return std::vector<int>().at(1); }), std::out_of_range);
  struct Own {};
  try {
    jobhost::pipe([] { throw Own(); });
    FAIL("nothing was thrown");
  } catch (const jobhost::RemoteError& error) {
    CHECK(error.type().find("Own") != std::string::npos);
  }
}

TEST_CASE("every task has random numbers of its own, whoever runs it") {
  const auto draw = [](int) {
    std::vector<std::uint64_t> numbers;
    for (int i = 0; i < 6; ++i) numbers.push_back(jobhost::rng()());
    return numbers;
  };
  const std::vector<int> inputs(3000);
  const auto first = jobhost::map({.workers = 1, .chunk = 7, .seed = 5}, draw, inputs).to_vector();
  CHECK(jobhost::map({.backend = "threads", .workers = 3, .seed = 5}, draw, inputs).to_vector() == first);
  CHECK(jobhost::map({.seed = 6}, draw, inputs).to_vector() != first);
  CHECK(std::set<std::vector<std::uint64_t>>(first.begin(), first.end()).size() == 3000);
  // Windows of an endless range count on.
  std::size_t seen = 0;
  for (const auto& numbers : jobhost::map({.seed = 5}, draw, std::views::iota(0))) {
    REQUIRE(numbers == first[seen]);
    if (++seen == first.size()) break;
  }
  for (const std::uint64_t task : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2999}}) {
    r123::Philox4x64 philox;
    for (std::uint64_t block = 1; block <= 2; ++block) {
      const auto expected = philox({{block, 0, task, 0}}, {{5, 0}});
      for (std::size_t k = 0; 4 * (block - 1) + k < 6 && k < 4; ++k)
        CHECK(first[task][4 * (block - 1) + k] == expected[k]);
    }
  }
  const auto uniform = jobhost::map([](int) { return jobhost::rng().uniform(); }, inputs).to_vector();
  CHECK(std::accumulate(uniform.begin(), uniform.end(), 0.0) / 3000 == Approx(0.5).margin(0.03));
}

TEST_CASE("addresses are not sent") {
  const std::vector<int> values{1, 2};
  CHECK_THROWS_WITH(jobhost::pipe([&values] { return values.size(); }), Catch::Contains("capture the value itself"));
  const int* pointer = values.data();
  CHECK_THROWS_AS(jobhost::pipe([pointer] { return *pointer; }), std::invalid_argument);
  const std::uint64_t number = reinterpret_cast<std::uint64_t>(pointer);
  CHECK(jobhost::pipe(jobhost::by_value([number] { return number; })) == number);
  CHECK(jobhost::pipe(static_cast<int (*)(const char*)>(&std::atoi), "12") == 12);
  // The C library has several of it and picked one for this processor.
  CHECK_THROWS_WITH(jobhost::pipe(static_cast<double (*)(double)>(&std::sin), 1.0),
                    Catch::Contains("wrap it in a lambda"));
  CHECK_THROWS_WITH(jobhost::pipe({.backend = "proceses"}, [] { return 1; }), Catch::Contains("no backend 'proceses'"));
  CHECK_THROWS_AS(jobhost::pipe([] { return jobhost::pipe([] { return 1; }); }), std::logic_error);
}

TEST_CASE("a fold is the same to the last bit for any workers") {
  std::vector<double> xs(100'000);
  std::iota(xs.begin(), xs.end(), 1.0);
  const auto reciprocal = [](double x) { return 1 / x; };
  const auto add = [](double a, double b) { return a + b; };
  std::set<double> answers;
  for (const auto& backend : kBackends) {
    for (const unsigned workers : {1u, 2u, 5u}) {
      answers.insert(jobhost::map_reduce({.backend = backend, .workers = workers}, reciprocal, add, 0.0, xs));
    }
  }
  CHECK(answers.size() == 1);
  CHECK(*answers.begin() == Approx(12.090146129863428).epsilon(1e-14));
  CHECK(jobhost::map_reduce(reciprocal, add, 7.0, std::vector<double>()) == 7.0);
}

TEST_CASE("exceptions of the program's own types come back with their members, on every backend") {
  for (const auto& backend : kBackends) {
    const jobhost::Options options{.backend = backend};
    auto results = jobhost::map(
        options,
        [](int x) -> int {
          if (x == 1) throw Diverged{7, {0.5, 0.25}};
          if (x == 2) throw Overdrawn(12);
          return x;
        },
        std::vector<int>{0, 1, 2, 3});
    auto it = results.begin();
    CHECK(*it == 0);
    try {
      *++it;
      FAIL("nothing was thrown");
    } catch (const Diverged& error) {
      CHECK(error.step == 7);
      CHECK(error.residuals == std::vector<double>{0.5, 0.25});
    }
    try {
      *++it;
      FAIL("nothing was thrown");
    } catch (const Overdrawn& error) {
      CHECK(error.missing() == 12);
      CHECK(std::string(error.what()) == "missing 12");
    }
    CHECK(*++it == 3);
    CHECK_THROWS_AS(jobhost::pipe(options, [] { throw Overdrawn(1); }), jobhost::TaskFailure);
    CHECK_THROWS_AS(jobhost::pipe(options, [] { throw Overdrawn(1); }), std::runtime_error);
  }
}

TEST_CASE("progress is told while results are waited for, and at the end") {
  std::vector<jobhost::Progress> told;
  const jobhost::Options options{.workers = 2, .chunk = 1, .progress = [&](const auto& now) { told.push_back(now); }};
  const auto nap = [](int) { std::this_thread::sleep_for(std::chrono::milliseconds(50)); };
  jobhost::map(options, nap, std::vector<int>(20)).to_vector();
  REQUIRE(told.size() >= 3);
  for (std::size_t i = 1; i < told.size(); ++i) {
    CHECK(told[i].done >= told[i - 1].done);
    CHECK(told[i].seconds > told[i - 1].seconds);
    CHECK(told[i].tasks == 20);
  }
  CHECK(told.front().done < 20);
  CHECK(told.back().done == 20);
  CHECK_THROWS_WITH(
      jobhost::map({.progress = [](const auto&) { throw std::runtime_error("enough"); }}, nap, std::vector<int>(50))
          .to_vector(),
      "enough");
}

TEST_CASE("a stop token ends calls, also endless ones") {
  std::stop_source source;
  std::size_t seen = 0;
  for (const int value : jobhost::map(
           {.workers = 1, .stop = source.get_token()}, [](int x) { return x; }, std::views::iota(0))) {
    REQUIRE(value == static_cast<int>(seen));
    if (++seen == 2000) source.request_stop();
  }
  CHECK(seen == 2000);
  auto asleep =
      jobhost::amap({.workers = 1, .stop = std::stop_source(source).get_token()}, behave, std::vector<int>(10));
  CHECK(asleep.get().empty());
}

TEST_CASE("a submitted job is followed by its id, also twice and afterwards") {
  const jobhost::test::TemporaryDirectory folder;
  const jobhost::Options options{.workers = 2, .retries = 0, .label = "squares", .store = folder.path()};
  std::vector<int> inputs(200);
  std::iota(inputs.begin(), inputs.end(), 5);
  const std::string job = jobhost::submit(options, behave, inputs);
  for (int reader = 0; reader < 2; ++reader) {
    int expected = 5;
    for (const int value : jobhost::attach<int>(job, folder.path())) CHECK(value == 10 * expected++);
    CHECK(expected == 205);
  }
  CHECK_THROWS_WITH(jobhost::attach<double>(job, folder.path()), Catch::Contains("are of type int, not double"));
  CHECK_THROWS_AS(jobhost::attach<int>("none", folder.path()), std::invalid_argument);
}

TEST_CASE("a map that is read to its end is done in its store") {
  const jobhost::test::TemporaryDirectory folder;
  const auto nap = [](int x) {
    std::this_thread::sleep_for(std::chrono::milliseconds(x));
    return x;
  };
  for (int i = 0; i < 10; ++i) {
    CHECK(jobhost::map({.workers = 2, .store = folder.path()}, nap, std::vector<int>(4, 20)).to_vector().size() == 4);
  }
  int jobs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (!exists(entry.path() / "MANIFEST")) continue;
    CHECK(exists(entry.path() / "DONE"));
    ++jobs;
  }
  CHECK(jobs == 10);
}

TEST_CASE("classes that only cereal knows are arguments, results and callables") {
  CHECK(jobhost::map([](const Account& account, int more) { return Account(account.cents() + more); }, Account(5),
                     std::vector<int>{1, 2})
            .to_vector() == std::vector<Account>{Account(6), Account(7)});
  CHECK(jobhost::map(Account(100), std::vector<int>{1, 2}).to_vector() == std::vector<int>{101, 102});
}

TEST_CASE("what runs beside the program can be cancelled, limited in time, and forgotten") {
  const auto sleep = [](int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    return milliseconds;
  };
  auto slow = jobhost::amap({.workers = 1}, sleep, std::vector<int>(1000, 20));
  CHECK_FALSE(slow.wait_for(std::chrono::milliseconds(100)));
  slow.cancel();
  CHECK(slow.get().size() < 1000);
  { auto forgotten = jobhost::apipe(sleep, 600'000); }  // the destructor ends it
  CHECK_THROWS_WITH(jobhost::pipe({.timeout = 0.2, .retries = 0}, sleep, 600'000),
                    Catch::Contains("ran longer than 0.2 s"));
}

TEST_CASE("views are the results where they lie, in a store as well as without") {
  const auto row = [](int i) { return std::vector<float>(static_cast<std::size_t>(i), static_cast<float>(i)); };
  const auto text = [](int i) { return std::string(static_cast<std::size_t>(i), 'x'); };
  const auto half = [](int i) { return 0.5 * i; };
  const auto check = [&](const auto& views_of) {
    std::size_t i = 0;
    for (const std::span<const float> view : views_of(row)) {
      REQUIRE(view.size() == i);
      CHECK(std::all_of(view.begin(), view.end(), [i](float x) { return x == static_cast<float>(i); }));
      ++i;
    }
    CHECK(i == 300);
    i = 0;
    for (const std::string_view view : views_of(text)) CHECK(view == std::string(i++, 'x'));
    i = 0;
    for (const double value : views_of(half)) CHECK(value == 0.5 * static_cast<double>(i++));
  };
  const auto inputs = std::views::iota(0, 300);
  const jobhost::test::TemporaryDirectory folder;
  check([&](const auto& f) { return jobhost::views(f, inputs); });
  check([&](const auto& f) { return jobhost::views({.store = folder / "store"}, f, inputs); });
  jobhost::Pool pool({.workers = 2});
  check([&](const auto& f) { return pool.views(f, inputs); });
  const auto fussy = [](int i) { return i == 1 ? throw std::domain_error("one") : std::vector<double>(2, i); };
  auto views = pool.views(fussy, std::views::iota(0, 3));
  auto at = views.begin();
  CHECK((*at)[1] == 0);
  ++at;
  CHECK_THROWS_AS(*at, std::domain_error);
  ++at;
  CHECK((*at)[1] == 2);
}
