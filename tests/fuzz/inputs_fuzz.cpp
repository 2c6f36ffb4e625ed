// Inputs as people give them: lines of words, and a file of rows behind them. What is accepted is read back.
#include "bundle/input_reader.hpp"
#include "cli/input_arguments.hpp"
#include "harness.hpp"
#include "schema/value.hpp"

using namespace jobhost;
using base::ExitCode;
using cli::Assignment;

namespace {

schema::Kernel kernel() {
  static const schema::Kernel known = schema::kernel_from_json(
      R"({"name": "f", "symbol": "f", "signature": "f", "file": "f", "line": 1, "doc": "", "result": "f64",
          "params": [{"name": "i", "type": "i32"}, {"name": "seed", "type": "u64"}, {"name": "c", "type": "char"},
                     {"name": "x", "type": "f64"}, {"name": "s", "type": "string"}, {"name": "b", "type": "bool"},
                     {"name": "v", "type": {"vector": {"vector": "f32"}}}, {"name": "o", "type": {"optional": "i8"}},
                     {"name": "p", "type": {"struct": "P", "fields": [["a", "u16"], ["l", "f80"]]}},
                     {"name": "m", "type": {"map": ["string", {"variant": ["i64", "f32", "string"]}]}}],
          "fewer": [1, 2, 3, 4, 5, 6, 7, 8, 9]})",
      "kernel");
  return known;
}

/// "=i=1..3", "/x=0:1:5", "*x=…", "!v=@file", ":1 2 3", "+1 2", "#7": what the options of the command line stand for.
void add(const std::string& line, cli::InputArguments& arguments) {
  const std::string rest = line.empty() ? "" : line.substr(1);
  switch (line.empty() ? '\0' : line[0]) {
    case '/':
      arguments.assignments.emplace_back(rest, Assignment::Form::kLinspace);
      break;
    case '*':  // a ratio's points are computed at once
      if (rest.size() - std::min(rest.size(), rest.rfind(':')) > 4) break;
      arguments.assignments.emplace_back(rest, Assignment::Form::kLogspace);
      break;
    case '!':
      arguments.assignments.emplace_back(rest, Assignment::Form::kCommon);
      break;
    case '#':
      arguments.seed = rest.size();
      break;
    case '&':
      arguments.zip = true;
      break;
    case ':':
    case '+': {
      cli::WordList list{{}, line[0] == '+'};
      for (std::size_t begin = 0; begin <= rest.size();) {
        const std::size_t end = std::min(rest.find(' ', begin), rest.size());
        list.words.push_back(rest.substr(begin, end - begin));
        begin = end + 1;
      }
      arguments.positional.push_back(std::move(list));
      break;
    }
    default:
      arguments.assignments.emplace_back(line);
  }
}

void read_back(fuzz::MemoryEnv& env, const bundle::Inputs& inputs, const schema::Kernel& shape) {
  const std::uint64_t tasks = bundle::task_count(inputs);
  bundle::InputReader reader(env, inputs, shape, "job");
  std::vector<jobhost_column> columns;
  for (const std::uint64_t first : {std::uint64_t{0}, tasks / 2, tasks - 1}) {
    if (first >= tasks) continue;
    const std::uint64_t count = reader.read(first, std::min<std::uint64_t>(tasks - first, 20), columns);
    for (std::size_t p = 0; p < columns.size(); ++p) {
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto value = bundle::value_at(columns[p], i);
        fuzz::require(schema::encoded_size(shape.parameters[p].type, value) == value.size(),
                      "inputs that were accepted are values of their types");
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using Format = cli::RowFile::Format;
  constexpr Format kFormats[] = {Format::kCsv, Format::kTsv, Format::kJsonl, Format::kNpy};
  fuzz::Input input(data, size);
  cli::InputArguments arguments;
  const unsigned form = input.byte() % 6;
  const std::string file = form == 5 ? "file.npy" : "file";
  if (form < 4) arguments.rows = cli::RowFile{file, kFormats[form]};
  // Words up to an empty line, the rest is the file.
  for (std::string line; !(line = input.line()).empty();) add(line, arguments);
  fuzz::MemoryEnv env;
  env.put(file, input.rest());
  schema::Kernel shape = kernel();
  bundle::Inputs inputs;
  const bool accepted =
      fuzz::accepts({ExitCode::kUsage}, [&] { inputs = cli::make_inputs(env, arguments, shape, "job"); });
  if (accepted) fuzz::accepts({ExitCode::kUsage}, [&] { read_back(env, inputs, shape); });
  return 0;
}
