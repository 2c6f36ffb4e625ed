#include <catch2/catch.hpp>
#include <set>

#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "bundle/inputs_json.hpp"
#include "bundle/pack_reader.hpp"
#include "cli/input_arguments.hpp"
#include "schema/value.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

namespace {

schema::Type scalar(schema::Kind kind, std::uint8_t width, bool is_signed = true) {
  schema::Type type;
  type.kind = kind;
  type.width = width;
  type.is_signed = is_signed;
  return type;
}

/// f(int i, double x, std::string s)
schema::Kernel kernel_of(std::size_t parameters) {
  schema::Kernel kernel;
  kernel.name = "f";
  kernel.signature = "void f(int i, double x, std::string s)";
  kernel.parameters = {{"i", scalar(schema::Kind::kInteger, 4)},
                       {"x", scalar(schema::Kind::kFloating, 8)},
                       {"s", scalar(schema::Kind::kString, 0)}};
  kernel.parameters.resize(parameters);
  return kernel;
}

class Given {
 public:
  explicit Given(std::size_t parameters = 3) : kernel(kernel_of(parameters)) {
    base::make_directories(env, folder / "inputs");
  }
  void write(const std::string& name, const std::string& text) {
    base::write_file_atomically(env, folder / name, base::as_bytes(text), false);
  }
  /// Every task as "1 0.5 a", through JSON and in batches of `batch`.
  std::vector<std::string> tasks(const cli::InputArguments& arguments, std::uint64_t batch = 1000) {
    const auto made = cli::make_inputs(env, arguments, kernel, folder.path());
    const auto inputs = bundle::inputs_from_json(bundle::inputs_to_json(made), "test");
    CHECK(inputs == made);
    bundle::verify_packs(env, folder.path(), inputs, kernel);
    bundle::InputReader reader(env, inputs, kernel, folder.path());
    std::vector<jobhost_column> columns;
    std::vector<std::string> rows;
    const auto count = bundle::task_count(inputs);
    for (std::uint64_t first = 0; first < count;) {
      const auto n = reader.read(first, std::min(batch, count - first), columns);
      REQUIRE(n >= 1);
      for (std::uint64_t t = 0; t < n; ++t) {
        std::string row;
        for (std::size_t p = 0; p < columns.size(); ++p) {
          base::ByteReader value(bundle::value_at(columns[p], t));
          if (p > 0) row += ' ';
          schema::append_plain(kernel.parameters[p].type, value, row);
        }
        rows.push_back(row);
      }
      first += n;
    }
    remove_packs();
    return rows;
  }
  void remove_packs() {
    std::vector<std::string> names;
    env.list(folder / "inputs", names);
    for (const auto& name : names) env.remove(folder / "inputs/" + name);
  }
  std::string refusal(const cli::InputArguments& arguments) {
    try {
      cli::make_inputs(env, arguments, kernel, folder.path());
      remove_packs();
      return "";
    } catch (const base::Error& error) {
      CHECK(error.code() == base::ExitCode::kUsage);
      remove_packs();
      return error.what();
    }
  }

  base::PosixEnv env;
  test::TemporaryDirectory folder;
  schema::Kernel kernel;
};

using Rows = std::vector<std::string>;

}  // namespace

TEST_CASE("several parameters make a grid whose last varies fastest, whatever the batch") {
  for (const std::uint64_t batch : {1u, 2u, 3u, 5u, 7u, 1000u}) {
    Given given;
    CHECK(given.tasks({{"i=1..2", "x=0..1..0.5", "s=a,b"}, {}}, batch) == Rows{"1 0 a", "1 0 b", "1 0.5 a", "1 0.5 b",
                                                                               "1 1 a", "1 1 b", "2 0 a", "2 0 b",
                                                                               "2 0.5 a", "2 0.5 b", "2 1 a", "2 1 b"});
    CHECK(given.tasks({{"s=a,b", "i=3..1..-2", "x=7"}, {}}, batch) == Rows{"3 7 a", "1 7 a", "3 7 b", "1 7 b"});
  }
}

TEST_CASE("zip pairs lists and repeats single values") {
  Given given;
  CHECK(given.tasks({{"i=1..3", "x=0.5,1.5,2.5", "s=k"}, {}, true}) == Rows{"1 0.5 k", "2 1.5 k", "3 2.5 k"});
  CHECK(given.refusal({{"i=1..3", "x=1,2", "s=k"}, {}, true}) ==
        "--zip needs lists of one length: 'i' has 3 values, 'x' has 2");
}

TEST_CASE("positional lists bind in order to what has no value yet") {
  Given given;
  CHECK(given.tasks({{"x=9"}, {{{"1", "-2"}}, {{"a,b", "1..3"}}}, false}) ==
        Rows{"1 9 a,b", "1 9 1..3", "-2 9 a,b", "-2 9 1..3"});
  CHECK(given.refusal({{"x=9"}, {{{"1"}}, {{"a"}}, {{"b"}}}, false}) ==
        "there are more ::: lists than parameters without a value");
}

TEST_CASE("literal text is one value") {
  Given given;
  CHECK(given.tasks({{"i=1", "x=1", "s:=a,b..c=d"}, {}}) == Rows{"1 1 a,b..c=d"});
}

TEST_CASE("ranges are exact at the edges") {
  Given given(2);
  CHECK(given.tasks({{"i=2147483646..2147483647", "x=0"}, {}}) == Rows{"2147483646 0", "2147483647 0"});
  CHECK(given.tasks({{"i=-1..1", "x=1..0..-0.5"}, {}}).size() == 9);
  CHECK(given.tasks({{"i=1", "x=0..1..0.1"}, {}}).size() == 11);
  CHECK(given.tasks({{"i=0..10..3", "x=1"}, {}}) == Rows{"0 1", "3 1", "6 1", "9 1"});
  const auto inputs =
      cli::make_inputs(given.env, {{"i=-2147483648..2147483647", "x=1"}, {}}, given.kernel, given.folder.path());
  CHECK(bundle::task_count(inputs) == 1ull << 32);
}

TEST_CASE("ranges of decimals have as many points as on paper") {
  const auto points = [](const std::string& range) {
    Given given(2);
    return bundle::task_count(
        cli::make_inputs(given.env, {{"i=1", "x=" + range}, {}}, given.kernel, given.folder.path()));
  };
  CHECK(points("0..0.3..0.1") == 4);
  CHECK(points("0..0.29999..0.1") == 3);
  CHECK(points("1..0..-0.1") == 11);
  CHECK(points("-1..1..1e-6") == 2'000'001);
  CHECK(points("0..1e9..1e-3") == 1'000'000'000'001);
  CHECK(points("1000000..1000000.3..0.1") == 4);
  CHECK(points("0..1e14") == 100'000'000'000'001);
}

TEST_CASE("ranges of decimals hold the numbers that are on paper, whatever the batch") {
  for (const std::uint64_t batch : {1u, 3u, 1000u}) {
    Given given(2);
    CHECK(given.tasks({{"x=0..0.5..0.1", "i=7"}, {}}, batch) ==
          Rows{"7 0", "7 0.1", "7 0.2", "7 0.3", "7 0.4", "7 0.5"});
    CHECK(given.tasks({{"i=7", "x=3.1..2.85..-5e-2"}, {}}, batch) ==
          Rows{"7 3.1", "7 3.05", "7 3", "7 2.95", "7 2.9", "7 2.85"});
    CHECK(given.tasks({{"i=7", "x=-1.5..1.5"}, {}}, batch) == Rows{"7 -1.5", "7 -0.5", "7 0.5", "7 1.5"});
    CHECK(given.tasks({{"i=7", "x=1e22..3.5e22..1e22"}, {}}, batch) == Rows{"7 1e+22", "7 2e+22", "7 3e+22"});
    CHECK(given.tasks({{"i=7", "x=0..2e-22..1e-22"}, {}}, batch) == Rows{"7 0", "7 1e-22", "7 2e-22"});
  }
  // All of them are what a decimal's text is read as.
  Given given(2);
  const auto rows = given.tasks({{"i=7", "x=1.5..1001.5..0.01"}, {}});
  REQUIRE(rows.size() == 100'001);
  std::size_t wrong = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const std::string hundredths = std::to_string(150 + k);
    std::string text = hundredths.substr(0, hundredths.size() - 2) + "." + hundredths.substr(hundredths.size() - 2);
    wrong += std::stod(rows[k].substr(2)) != std::stod(text);
  }
  CHECK(wrong == 0);
  // More digits than a double has, and words in which there is no decimal.
  CHECK(given.tasks({{"i=7", "x=0..2e-23..1e-23"}, {}}).size() == 3);
  CHECK(given.tasks({{"i=7", "x=0..2.00000000000000001..1"}, {}}).size() == 3);
  CHECK(given.tasks({{"i=7", "x=0..0x1p1..0.5"}, {}}).size() == 5);
}

TEST_CASE("a range of decimals that goes too far is damage") {
  const auto read = [](std::uint64_t length, const std::string& range) {
    try {
      bundle::inputs_from_json("{\"packs\": [], \"axes\": [{\"length\": " + std::to_string(length) +
                                   ", \"sources\": [{\"parameter\": 0, \"decimals\": " + range + "}]}]}",
                               "test");
      return std::string();
    } catch (const base::Error& error) {
      CHECK(error.code() == base::ExitCode::kDamaged);
      return std::string(error.what());
    }
  };
  CHECK(read(9007199254740993, R"({"start": 0, "step": 1, "places": 22})").empty());
  CHECK(read(0, R"({"start": -9007199254740992, "step": 1, "places": 0})").empty());
  for (const char* range : {R"({"start": 1, "step": 1, "places": 22})", R"({"start": 0, "step": 1, "places": 23})",
                            R"({"start": 0, "step": 9007199254740993, "places": 1})"}) {
    CHECK(read(9007199254740993, range).ends_with("a range of decimals has too many digits"));
  }
}

TEST_CASE("what is common to all tasks is known to be") {
  Given given;
  const auto inputs = cli::make_inputs(given.env, {{"i=1..2", {"x=5", cli::Assignment::Form::kCommon}, "s=a"}, {}},
                                       given.kernel, given.folder.path());
  CHECK(bundle::common_parameters(inputs, given.kernel) == std::vector<bool>{false, true, false});
  CHECK(bundle::inputs_from_json(bundle::inputs_to_json(inputs), "test") == inputs);
  bundle::Inputs bad = inputs;
  bad.axes[0].sources[0].common = true;  // of two values
  CHECK_THROWS_AS(bundle::inputs_from_json(bundle::inputs_to_json(bad), "test"), base::Error);
}

TEST_CASE("what does not fit is refused by name") {
  Given given;
  CHECK(given.refusal({{"i=abc"}, {}}) == "parameter 'i': 'abc' is not an int");
  CHECK(given.refusal({{"i=1..3000000000"}, {}}).find("3000000000 does not fit") != std::string::npos);
  CHECK(given.refusal({{"j=1"}, {}}) == "'f' has no parameter 'j'");
  CHECK(given.refusal({{"i=1", "i=2"}, {}}) == "parameter 'i' is given twice");
  CHECK(given.refusal({{"i=1", "x=1"}, {}}) == "parameter 's' of 'f' has no value");
  CHECK(given.refusal({{"i=1..5..0"}, {}}) == "parameter 'i': a range with step 0 has no end");
  CHECK(given.refusal({{"i=1..2..3..4"}, {}}).find("is not a range") != std::string::npos);
  CHECK(given.refusal({{"i=1.."}, {}}).find("is not a range") != std::string::npos);
  CHECK(given.refusal({{"x=0..1e15"}, {}}).find("more than 10^14 values") != std::string::npos);
  CHECK(given.refusal({{"nothing"}, {}}).find("is not an input") != std::string::npos);
  CHECK(given.refusal({{"i=0..2147483647", "x=0..2147483647", "s=a"}, {}}) == "");
  const auto inputs = cli::make_inputs(given.env, {{"i=0..2147483647", "x=0..2147483647", "s=a"}, {}}, given.kernel,
                                       given.folder.path());
  CHECK_THROWS_WITH(bundle::task_count(inputs), Catch::Contains("more than 2^47 tasks"));
}

TEST_CASE("CSV rows bind by name, with quotes, CRLF, a byte order mark and blank ends") {
  Given given;
  given.write("data.csv", "\xef\xbb\xbfs,i,result\r\n\"a,\"\"b\"\"\",1,ignored\r\nplain, 2 ,x\n");
  CHECK(given.tasks({{"x=0.5"}, {}, false, cli::RowFile{given.folder / "data.csv"}}) ==
        Rows{"1 0.5 a,\"b\"", "2 0.5 plain"});
}

TEST_CASE("a bad CSV names line and column") {
  Given given;
  const std::string path = given.folder / "data.csv";
  const auto refusal = [&](const std::string& text) {
    given.write("data.csv", text);
    given.env.remove(given.folder / "inputs/0000");
    std::string why = given.refusal({{"x=1", "s=a"}, {}, false, cli::RowFile{path}});
    if (const auto at = why.find(path); at != std::string::npos) why.replace(at, path.size(), "F");
    return why;
  };
  std::string long_file = "i\n";
  for (int row = 2; row <= 600; ++row) long_file += row == 501 ? "zz\n" : "1\n";
  CHECK(refusal(long_file) == "F line 501, column 'i': 'zz' is not an int");
  CHECK(refusal("i\n1\n2,3\n") == "F line 3 has 2 cells, the header has 1");
  CHECK(refusal("j\n1\n") == "F: column 'j' names no parameter of 'f'");
  CHECK(refusal("i,i\n1,2\n") == "F: column 'i' occurs twice");
  CHECK(refusal("") == "'F' is empty: it has no header row");
  CHECK(refusal("i\n\"1\n").find("a quote") != std::string::npos);
  CHECK(refusal("i\n").empty());
  CHECK(given.refusal({{}, {}, false, cli::RowFile{"/no/such.csv"}}) == "there is no file '/no/such.csv'");
}

TEST_CASE("JSON lines bind by name and say what is wrong where") {
  Given given;
  const std::string path = given.folder / "data.jsonl";
  given.write("data.jsonl", "{\"i\": 1, \"s\": \"a\\nb\"}\n\n{\"s\": \"c\", \"i\": -5}\n");
  CHECK(given.tasks({{"x=2"}, {}, false, cli::RowFile{path, cli::RowFile::Format::kJsonl}}) ==
        Rows{"1 2 a\nb", "-5 2 c"});
  const auto refusal = [&](const std::string& text) {
    given.write("data.jsonl", text);
    given.env.remove(given.folder / "inputs/0000");
    std::string why = given.refusal({{"x=1"}, {}, false, cli::RowFile{path, cli::RowFile::Format::kJsonl}});
    if (const auto at = why.find(path); at != std::string::npos) why.replace(at, path.size(), "F");
    return why;
  };
  CHECK(refusal("{\"i\": 1, \"s\": \"a\"}\n{\"i\": 1.5, \"s\": \"a\"}\n") ==
        "F line 2, column 'i': '1.5' is not an int");
  CHECK(refusal("{\"i\": 1, \"s\": \"a\"}\n{\"i\": 1}\n") == "F line 2: 's' is missing");
  CHECK(refusal("[1]\n") == "F line 1 is not a JSON object");
  CHECK(refusal("{\"i\": 1,\n") == "F line 1 is not a JSON object");
}

TEST_CASE("a million stored rows come back, in segments") {
  Given given(1);
  std::string text = "i\n";
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i) + "\n";
  given.write("data.csv", text);
  const auto rows = given.tasks({{}, {}, false, cli::RowFile{given.folder / "data.csv"}}, 50'000);
  REQUIRE(rows.size() == 200'000);
  for (int i = 0; i < 200'000; i += 997) CHECK(rows[static_cast<std::size_t>(i)] == std::to_string(i));
}

TEST_CASE("a damaged pack is refused and never read past") {
  Given given;
  given.write("data.csv", "i,s\n1,a\n2,bb\n3,ccc\n");
  const auto inputs = cli::make_inputs(given.env, {{"x=1"}, {}, false, cli::RowFile{given.folder / "data.csv"}},
                                       given.kernel, given.folder.path());
  const std::string path = given.folder / "inputs/0000";
  const auto whole = base::read_file(given.env, path, 1 << 20);
  std::vector<jobhost_column> columns;
  const auto readable = [&](const base::Bytes& bytes) {
    given.env.remove(path);
    base::write_file_atomically(given.env, path, bytes, false);
    try {
      bundle::verify_packs(given.env, given.folder.path(), inputs, given.kernel);
      bundle::InputReader reader(given.env, inputs, given.kernel, given.folder.path());
      reader.read(0, 3, columns);
      return true;
    } catch (const base::Error& error) {
      CHECK(error.code() == base::ExitCode::kDamaged);
      return false;
    }
  };
  CHECK(readable(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(readable(base::Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto damaged = whole;
    damaged[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
    CHECK_FALSE(readable(damaged));
  }
}

TEST_CASE("linked lists are paired with the one before them") {
  Given given;
  CHECK(given.tasks({{}, {{{"1", "2"}}, {{"0.5", "1.5"}, true}, {{"a", "b"}}}}) ==
        Rows{"1 0.5 a", "1 0.5 b", "2 1.5 a", "2 1.5 b"});
  CHECK(given.refusal({{}, {{{"1", "2", "3"}}, {{"5", "6"}, true}, {{"a"}}}}) ==
        ":::+ needs lists of one length: 'i' has 3 values, 'x' has 2");
  CHECK(given.refusal({{}, {{{"1"}, true}}}).find("there is none") != std::string::npos);
}

TEST_CASE("evenly spaced points are those of numpy.linspace, whatever the batch") {
  using Form = cli::Assignment::Form;
  Given given(2);
  for (const std::uint64_t batch : {1u, 3u, 100u}) {
    CHECK(given.tasks({{"i=1..2", {"x=0:0.3:4", Form::kLinspace}}}, batch) ==
          Rows{"1 0", "1 0.09999999999999999", "1 0.19999999999999998", "1 0.3", "2 0", "2 0.09999999999999999",
               "2 0.19999999999999998", "2 0.3"});
  }
  CHECK(given.tasks({{"i=1", {"x=5:9:1", Form::kLinspace}}}) == Rows{"1 5"});
  CHECK(given.tasks({{"i=1", {"x=1:1000:4", Form::kLogspace}}}) == Rows{"1 1", "1 10", "1 100", "1 1000"});
  CHECK(given.tasks({{"i=1", {"x=-100:-1:3", Form::kLogspace}}}) == Rows{"1 -100", "1 -10", "1 -1"});
  const auto refusal = [&](const std::string& text, Form form) { return given.refusal({{"i=1", {text, form}}}); };
  CHECK(refusal("x=0:1:3", Form::kLogspace).find("one sign") != std::string::npos);
  CHECK(refusal("x=0:1", Form::kLinspace) == "parameter 'x': '0:1' is not FIRST:LAST:COUNT, as in 0:1:11");
  CHECK(refusal("x=0:1:0", Form::kLinspace) == "parameter 'x': '0' is not a number of points");
  CHECK(given.refusal({{{"i=0:1:3", Form::kLinspace}}}).find("needs") == std::string::npos);
  CHECK(given.refusal({{{"i=0:1:3", Form::kLinspace}}}).find("need a floating-point") != std::string::npos);
}

TEST_CASE("a seed fills the parameter called seed with numbers that depend on the task alone") {
  Given given(2);
  given.kernel.parameters[0].name = "seed";
  cli::InputArguments arguments{{"x=1..1000"}};
  arguments.seed = 7;
  const auto all = given.tasks(arguments);
  CHECK(given.tasks(arguments, 3) == all);
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == 1000);
  for (const auto& row : all) CHECK(row[0] != '-');
  arguments.seed = 8;
  CHECK(given.tasks(arguments)[0] != all[0]);
  arguments.assignments.emplace_back("seed=1");
  CHECK(given.refusal(arguments) == "parameter 'seed' is given twice");
  CHECK(Given(2).refusal({{"x=1"}, {}, false, {}, 1}).find("has no such integer parameter") != std::string::npos);
}

TEST_CASE("a common value is one row however many tasks there are, and not for what the kernel changes") {
  using Form = cli::Assignment::Form;
  Given given;
  given.write("text", "from a file");
  CHECK(given.tasks({{"i=1..2", "x=0", {"s=@" + (given.folder / "text"), Form::kCommon}}}) ==
        Rows{"1 0 from a file", "2 0 from a file"});
  CHECK(given.tasks({{"i=1..2", {"x=2.5", Form::kCommon}, "s=a"}}) == Rows{"1 2.5 a", "2 2.5 a"});
  given.kernel.parameters[1].in_out = true;
  CHECK(given.refusal({{"i=1", {"x=2.5", Form::kCommon}, "s=a"}}) ==
        "parameter 'x' cannot be common to all tasks: the kernel changes it");
}

namespace {

/// A .npy file of format 1.
std::string npy(const std::string& descriptor, const std::string& shape, const std::string& data,
                bool fortran = false) {
  std::string header = "{'descr': " + descriptor + ", 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': (" + shape + "), }";
  header.resize(118 - 1, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n" + data;
}

template <class... T>
std::string raw(T... values) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
  return bytes;
}

}  // namespace

TEST_CASE("arrays of NumPy are values, rows and common data") {
  Given given;
  const std::string path = given.folder / "a.npy", at = "=@" + path;
  given.write("a.npy", npy("'<f8'", "3,", raw(0.5, 1.5, 2.5)));
  CHECK(given.tasks({{"i=1", "x" + at, "s=k"}}) == Rows{"1 0.5 k", "1 1.5 k", "1 2.5 k"});
  CHECK(given.refusal({{"i" + at, "x=1", "s=k"}}).find("row 0: '0.5' is not an int") != std::string::npos);
  given.write("a.npy", npy("'<i8'", "2,", raw(std::int64_t{-4}, std::int64_t{1} << 40)));
  CHECK(given.refusal({{"i" + at, "x=1", "s=k"}}).find("row 1: 1099511627776 does not fit") != std::string::npos);
  const cli::RowFile rows{path, cli::RowFile::Format::kNpy};
  given.write("a.npy", npy("[('x', '<f4'), ('i', '|u1')]", "2,",
                           raw(0.5f) + raw(std::uint8_t{7}) + raw(2.f) + raw(std::uint8_t{8})));
  CHECK(given.tasks({{"s=k"}, {}, false, rows}) == Rows{"7 0.5 k", "8 2 k"});
  given.write("a.npy", npy("'<f8'", "2, 2", raw(1., 2., 0.25, 0.75), true));
  CHECK(given.tasks({{"s=k"}, {}, false, rows}) == Rows{"1 0.25 k", "2 0.75 k"});
  CHECK(given.refusal({{"s=k", "i=1"}, {}, false, rows}).find("2 columns without names, and 1 parameters") !=
        std::string::npos);
  for (const std::string& bad :
       {npy("'<f8'", "3,", raw(0.5)), npy("'>f8'", "1,", raw(0.5)), npy("'<U3'", "1,", "abc"),
        npy("'<f8'", "99999999999, 99999999999", ""), std::string("\x93NUMPY\x01\x00\xff\xff", 10),
        std::string("rubbish, and more of it")}) {
    given.write("a.npy", bad);
    CHECK(given.refusal({{"x" + at}}).find("is not a .npy file that can be read") != std::string::npos);
  }
}
