#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_checks.hpp"
#include "jobhost/sdk/abi.h"
#include "jobhost/sdk/version.h"
#include "schema/type.hpp"

namespace jobhost::schema {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;
constexpr std::uint64_t kMaxArray = 1 << 20;
constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 40;  // bytes; kMaxArray of them can be counted

using base::Malformed;
using base::whole_number;

Type scalar(const std::string& word) {
  Type type;
  if (word == "void") return type;
  if (word == "bool") {
    type.kind = Kind::kBool;
  } else if (word == "char") {
    type.kind = Kind::kChar;
  } else if (word == "string") {
    type.kind = Kind::kString;
  } else if (word == "f32" || word == "f64" || word == "f80") {
    type.kind = Kind::kFloating;
    type.width = word == "f32" ? 4 : word == "f64" ? 8 : 16;
  } else if (word == "i8" || word == "i16" || word == "i32" || word == "i64" || word == "u8" || word == "u16" ||
             word == "u32" || word == "u64") {
    type.kind = Kind::kInteger;
    type.is_signed = word[0] == 'i';
    type.width = static_cast<std::uint8_t>(std::stoi(word.substr(1)) / 8);
  } else {
    throw Malformed{"unknown type '" + word + "'"};
  }
  return type;
}

Type type_from(const Json& json, int depth);

/// Bytes that a value has at least.
std::uint64_t least_size(const Type& type) {
  switch (type.kind) {
    case Kind::kArray:
      return type.count * least_size(type.items[0]);
    case Kind::kTuple:
    case Kind::kRecord: {
      std::uint64_t sum = 0;
      for (const auto& item : type.items) sum += least_size(item);
      return sum;
    }
    case Kind::kOptional:
    case Kind::kPointer:
      return 1;
    case Kind::kVariant:
      return sizeof(std::int32_t);
    case Kind::kString:
    case Kind::kVector:
    case Kind::kMap:
    case Kind::kJson:
      return sizeof(std::uint64_t);
    default:
      return *fixed_size(type);
  }
}

/// Refuses what no value could be measured by: the bytes that there are limit how many items a list has.
void check_sizes(const Type& type) {
  const bool list = type.kind == Kind::kVector || type.kind == Kind::kArray || type.kind == Kind::kMap;
  std::uint64_t item_size = 0;
  for (const auto& item : type.items) item_size += least_size(item);
  if (list && item_size == 0) throw Malformed{"a list of values without bytes"};
  if (least_size(type) > kMaxSize) throw Malformed{"a value of a type has more than 2^40 bytes"};
}

std::vector<Type> types_from(const Json& list, int depth) {
  if (!list.is_array()) throw Malformed{"a list of types is missing"};
  std::vector<Type> types;
  for (const auto& item : list) types.push_back(type_from(item, depth));
  return types;
}

Type type_from(const Json& json, int depth) {
  if (depth > kMaxDepth) throw Malformed{"types are nested deeper than " + std::to_string(kMaxDepth)};
  if (json.is_string()) return scalar(json.get<std::string>());
  if (!json.is_object() || json.empty()) throw Malformed{"a type is neither a word nor an object"};
  const std::string& word = json.begin().key();
  const Json& content = json.begin().value();
  Type type;
  if (word == "enum") {
    type = scalar(json.at("of"));
    if (type.kind != Kind::kInteger) throw Malformed{"an enumeration is of no integer type"};
    type.kind = Kind::kEnumeration;
    type.name = content;
  } else if (word == "vector" || word == "optional" || word == "pointer") {
    type.kind = word == "vector" ? Kind::kVector : word == "optional" ? Kind::kOptional : Kind::kPointer;
    type.items = {type_from(content, depth + 1)};
  } else if (word == "array") {
    type.kind = Kind::kArray;
    type.items = {type_from(content, depth + 1)};
    type.count = whole_number<std::uint64_t>(json.at("size"));
    if (type.count > kMaxArray) throw Malformed{"an array is too long"};
  } else if (word == "map") {
    type.kind = Kind::kMap;
    type.items = types_from(content, depth + 1);
    if (type.items.size() != 2) throw Malformed{"a map has no key and value"};
  } else if (word == "tuple" || word == "variant") {
    type.kind = word == "tuple" ? Kind::kTuple : Kind::kVariant;
    type.items = types_from(content, depth + 1);
  } else if (word == "json") {
    type.kind = Kind::kJson;
    type.name = content;
  } else if (word == "struct") {
    type.kind = Kind::kRecord;
    type.name = content;
    for (const auto& field : json.at("fields")) {
      type.fields.push_back(field.at(0));
      type.items.push_back(type_from(field.at(1), depth + 1));
    }
  } else {
    throw Malformed{"unknown type '" + word + "'"};
  }
  for (const auto& item : type.items) {
    if (item.kind == Kind::kVoid) throw Malformed{"void inside another type"};
  }
  check_sizes(type);
  return type;
}

Json json_of(const Type& type) {
  switch (type.kind) {
    case Kind::kVoid:
      return "void";
    case Kind::kBool:
      return "bool";
    case Kind::kChar:
      return "char";
    case Kind::kString:
      return "string";
    case Kind::kInteger:
      return (type.is_signed ? "i" : "u") + std::to_string(8 * type.width);
    case Kind::kFloating:
      return type.width == 4 ? "f32" : type.width == 8 ? "f64" : "f80";
    case Kind::kEnumeration:
      return {{"enum", type.name}, {"of", (type.is_signed ? "i" : "u") + std::to_string(8 * type.width)}};
    case Kind::kVector:
      return {{"vector", json_of(type.items[0])}};
    case Kind::kOptional:
      return {{"optional", json_of(type.items[0])}};
    case Kind::kPointer:
      return {{"pointer", json_of(type.items[0])}};
    case Kind::kJson:
      return {{"json", type.name}};
    case Kind::kArray:
      return {{"array", json_of(type.items[0])}, {"size", type.count}};
    case Kind::kMap:
    case Kind::kVariant:
    case Kind::kTuple: {
      Json list = Json::array();
      for (const auto& item : type.items) list.push_back(json_of(item));
      Json result;
      result[type.kind == Kind::kMap ? "map" : type.kind == Kind::kTuple ? "tuple" : "variant"] = std::move(list);
      return result;
    }
    case Kind::kRecord: {
      Json fields = Json::array();
      for (std::size_t i = 0; i < type.items.size(); ++i) {
        fields.push_back(Json::array({type.fields[i], json_of(type.items[i])}));
      }
      Json result;
      result["struct"] = type.name;
      result["fields"] = std::move(fields);
      return result;
    }
  }
  return nullptr;
}

Kernel kernel_from(const Json& json) {
  Kernel kernel;
  kernel.name = json.at("name");
  kernel.symbol = json.at("symbol");
  kernel.signature = json.at("signature");
  kernel.file = json.at("file");
  kernel.line = whole_number<int>(json.at("line"));
  kernel.doc = json.at("doc");
  for (const auto& parameter : json.at("params")) {
    kernel.parameters.push_back(
        {parameter.at("name"), type_from(parameter.at("type"), 0), parameter.value("inout", false)});
    if (kernel.parameters.back().type.kind == Kind::kVoid) throw Malformed{"a parameter of type void"};
  }
  if (json.contains("own")) kernel.own = whole_number<std::size_t>(json.at("own"));
  if (kernel.own > kernel.parameters.size()) throw Malformed{"'own' counts too many parameters"};
  kernel.result = type_from(json.at("result"), 0);
  for (const auto& count : json.value("fewer", Json::array())) {
    kernel.fewer.push_back(whole_number<std::size_t>(count));
    if (kernel.fewer.back() >= kernel.parameters.size()) throw Malformed{"'fewer' counts too many arguments"};
  }
  return kernel;
}

Variable variable_from(const Json& json) {
  Variable variable{json.at("name"), json.at("symbol"), type_from(json.at("type"), 0)};
  variable.getter = json.value("get", std::string());
  variable.declared = json.value("declared", false);
  variable.file = json.value("file", std::string());
  if (json.contains("line")) variable.line = whole_number<int>(json.at("line"));
  return variable;
}

/// Runs `read` on the parsed text; everything wrong with it becomes one sentence.
template <class Read>
auto guarded(const std::string& text, const std::string& where, Read read, const std::string& built_by = "") {
  const auto refuse = [&](const std::string& why) -> base::Error {
    if (!built_by.empty() && built_by != JOBHOST_VERSION) {
      return {base::ExitCode::kPluginRefused,
              "'" + where + "' was built by jobhost " + built_by + ", and this jobhost, " JOBHOST_VERSION +
                  ", cannot read its schema: " + why,
              "rebuild it with this jobhost, or use jobhost " + built_by};
    }
    return {base::ExitCode::kPluginRefused, "the schema in '" + where + "' is damaged: " + why,
            "rebuild the plugin with add_job_kernel()"};
  };
  if (const std::string why = base::json_excess(text); !why.empty()) throw refuse(why);
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw refuse("it is not a JSON object");
  try {
    return read(json);
  } catch (const Malformed& refused) {
    throw refuse(refused.why);
  } catch (const Json::exception& error) {
    throw refuse(error.what());
  }
}

/// Adds what the document of one source file says.
void add_document(const Json& json, const std::string& where, Description& description) {
  const int abi = whole_number<int>(json.at("abi"));
  if (abi < 0) throw Malformed{"its version is negative"};
  description.jobhost = json.value("jobhost", std::string());
  if (abi != JOBHOST_ABI) throw other_abi({abi, description.jobhost, {}}, where);
  description.abi = abi;
  description.compiler = json.at("compiler");
  if (json.contains("source")) {
    const Json& source = json.at("source");
    if (description.commit.empty()) description.commit = source.at("commit");
    description.dirty = description.dirty || source.at("dirty").get<bool>();
  }
  description.program = description.program || json.value("program", false);
  for (const auto& feature : json.at("cpu")) description.cpu_features.push_back(feature);
  for (const auto& kernel : json.at("kernels")) description.kernels.push_back(kernel_from(kernel));
  for (const auto& global : json.value("globals", Json::array())) {
    description.globals.push_back(variable_from(global));
  }
  for (const auto& skipped : json.at("skipped")) {
    description.skipped.push_back(
        {skipped.at("name"), skipped.at("reason"), skipped.at("file"), whole_number<int>(skipped.at("line"))});
  }
}

}  // namespace

base::Error other_abi(const Requirements& requirements, const std::string& where) {
  const std::string& version = requirements.jobhost;
  return {base::ExitCode::kPluginRefused,
          "'" + where + "' was built for plugin ABI " + std::to_string(requirements.abi) + " by " +
              (version.empty() ? "another jobhost" : "jobhost " + version) + "; this is jobhost " JOBHOST_VERSION +
              ", of plugin ABI " + std::to_string(JOBHOST_ABI),
          "rebuild it with this jobhost" + (version.empty() ? "" : ", or use jobhost " + version)};
}

Description parse_description(const std::string& text, const std::string& where) {
  Description description;
  // One document per source file, with zeros between them for alignment.
  for (std::size_t begin = 0; (begin = text.find_first_not_of('\0', begin)) != std::string::npos;) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    const auto add = [&](const Json& json) { add_document(json, where, description); };
    guarded(text.substr(begin, end - begin), where, add, description.jobhost);
    begin = end;
  }
  return description;
}

std::string type_to_json(const Type& type) {
  return json_of(type).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Type type_from_json(const std::string& text, const std::string& where) {
  return guarded("{\"type\":" + text + "}", where, [](const Json& json) { return type_from(json.at("type"), 0); });
}

std::string kernel_to_json(const Kernel& kernel) {
  Json parameters = Json::array();
  for (const auto& parameter : kernel.parameters) {
    parameters.push_back({{"name", parameter.name}, {"type", json_of(parameter.type)}, {"inout", parameter.in_out}});
  }
  const Json json = {{"name", kernel.name},
                     {"symbol", kernel.symbol},
                     {"signature", kernel.signature},
                     {"file", kernel.file},
                     {"line", kernel.line},
                     {"doc", kernel.doc},
                     {"params", std::move(parameters)},
                     {"own", kernel.own},
                     {"fewer", kernel.fewer},
                     {"result", json_of(kernel.result)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Kernel kernel_from_json(const std::string& text, const std::string& where) {
  return guarded(text, where, [](const Json& json) { return kernel_from(json); });
}

}  // namespace jobhost::schema
