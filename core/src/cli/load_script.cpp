#include "cli/load_script.hpp"

#include <algorithm>
#include <string_view>

#include "base/error.hpp"
#include "report/row_text.hpp"

namespace jobhost::cli {
namespace {

using schema::Kind;

constexpr std::string_view kFirstLine = "# Written by jobhost export --with-reader.\n";

constexpr std::string_view kNpy = R"(

def load():
    """A structured NumPy array: data["task"] is a column. `ok` says which tasks succeeded."""
    try:
        import numpy
    except ImportError:
        sys.exit("load.py needs NumPy: apt-get install python3-numpy, or pip install numpy")
    return numpy.load(FILE)
)";

constexpr std::string_view kHdf5 = R"(

def load():
    """An xarray.Dataset whose coordinates are the inputs; without xarray the open h5py.File."""
    try:
        import xarray
        return xarray.open_dataset(FILE)
    except (ImportError, ValueError):  # xarray itself, or what it reads such files with
        pass
    try:
        import h5py
    except ImportError:
        sys.exit("load.py needs h5py, better xarray with h5netcdf or netCDF4: apt-get install python3-h5py, or "
                 "pip install h5py")
    return h5py.File(FILE)
)";

constexpr std::string_view kCsvRows = R"(
csv.field_size_limit(2**31 - 1)  # long vectors are long texts


def from_json(text):
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def rows():
    with open(FILE, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield {name: from_json(row[name]) if kind == "json" else row[name] for name, kind in COLUMNS.items()}
)";

/// `%` stands for what gives the list of objects.
constexpr std::string_view kJsonRows = R"(

def cell(row, name):
    if name == "error":
        error = row.get("error")
        return error and f"{error['kind']} {error['type']}: {error['what']}"
    if name.startswith("result") and name not in row:
        for field in name.split("."):
            row = row.get(field) if row else None
        return row
    return row[name]


def rows():
    with open(FILE, encoding="utf-8") as file:
        for row in %:
            yield {name: cell(row, name) for name in COLUMNS}
)";

constexpr std::string_view kColumns = R"(

def converted(kind, value):
    if kind in ("text", "json"):
        return value
    if value is None or value == "":
        return math.nan if kind == "float" else None
    if kind == "int":
        return int(value)
    if kind == "float":
        return float(value)
    return value in (True, "true")


def load():
    """A pandas.DataFrame; without pandas columns by name, arrays where NumPy is installed, else lists."""
    columns = {name: [] for name in COLUMNS}
    for row in rows():
        for name, kind in COLUMNS.items():
            columns[name].append(converted(kind, row[name]))
    try:
        import pandas
        return pandas.DataFrame(columns)
    except ImportError:
        pass
    try:
        import numpy
    except ImportError:
        return columns
    arrays = {}
    for name, values in columns.items():
        plain = COLUMNS[name] in ("int", "float", "bool") and None not in values
        arrays[name] = numpy.array(values) if plain else numpy.empty(len(values), object)
        if not plain:
            arrays[name][:] = values
    return arrays
)";

constexpr std::string_view kEnd = R"(

if __name__ == "__main__":
    data = load()
    print(data)
)";

/// Of an optional value, that of the value: there may be none of any column, as where a task failed. What may be text
/// or something else is text, as CSV does not tell "7" from 7.
std::string kind_of(const schema::Type& type) {
  switch (type.kind) {
    case Kind::kInteger:
    case Kind::kEnumeration:
      return "int";
    case Kind::kFloating:
      return "float";
    case Kind::kBool:
      return "bool";
    case Kind::kString:
    case Kind::kChar:
      return "text";
    case Kind::kOptional:
    case Kind::kPointer:
      return kind_of(type.items[0]);
    case Kind::kVariant:
      return std::ranges::any_of(type.items, [](const auto& item) { return kind_of(item) == "text"; }) ? "text"
                                                                                                       : "json";
    default:
      return "json";
  }
}

void add_kinds(const schema::Type& type, std::vector<std::string>& kinds) {
  if (type.kind != Kind::kRecord) return kinds.push_back(kind_of(type));
  for (const auto& item : type.items) add_kinds(item, kinds);
}

std::string in_python(std::string_view text) {
  std::string quoted;
  schema::append_json_string(text, quoted);  // which is a text of Python's, too
  return quoted;
}

std::string columns_of(const schema::Kernel& kernel) {
  std::string text = "COLUMNS = {\"task\": \"int\"";
  const auto add = [&text](const std::string& name, const std::string& kind) {
    text += ",\n           " + in_python(name) + ": \"" + kind + "\"";
  };
  for (const auto& parameter : kernel.parameters) add(report::column_name(parameter.name), kind_of(parameter.type));
  std::vector<std::string> kinds;
  add_kinds(kernel.result, kinds);
  const auto names = report::result_columns(kernel.result);
  for (std::size_t i = 0; i < names.size(); ++i) add(names[i], kinds[i]);
  add("error", "text");
  return text + "}\n";
}

std::string json_rows(std::string_view list) {
  std::string text(kJsonRows);
  return text.replace(text.find('%'), 1, list);
}

}  // namespace

std::string load_script(const std::string& file, const schema::Kernel& kernel) {
  const std::string ending = file.substr(file.rfind('.') + 1);
  std::string text(kFirstLine);
  text += "# data = load.load() in a program, or: python3 -i load.py\n";
  const std::string place = "FILE = pathlib.Path(__file__).with_name(" + in_python(file) + ")\n";
  if (ending == "npy" || ending == "h5") {
    return text + "import pathlib\nimport sys\n\n" + place + std::string(ending == "npy" ? kNpy : kHdf5) +
           std::string(kEnd);
  }
  std::string rows;
  if (ending == "csv") {
    rows = kCsvRows;
  } else if (ending == "jsonl") {
    rows = json_rows("map(json.loads, file)");
  } else if (ending == "json") {
    rows = json_rows("json.load(file)");
  } else {
    throw base::Error(base::ExitCode::kUsage, "--with-reader does not know how to load '" + file + "'",
                      "write .csv, .jsonl, .json, .npy or .h5");
  }
  text += ending == "csv" ? "import csv\n" : "";
  return text + "import json\nimport math\nimport pathlib\n\n" + place + columns_of(kernel) + rows +
         std::string(kColumns) + std::string(kEnd);
}

bool is_load_script(const std::string& text) { return text.starts_with(kFirstLine); }

}  // namespace jobhost::cli
