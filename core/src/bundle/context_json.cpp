#include <nlohmann/json.hpp>

#include "base/hex.hpp"
#include "base/json_checks.hpp"
#include "bundle/calling_context.hpp"

namespace jobhost::bundle {
namespace {

using base::whole_number;
using Json = nlohmann::ordered_json;

Json text_json(const std::string& text) {
  try {
    Json json = text;
    json.dump();
    return json;
  } catch (const Json::type_error&) {
    return {{"hex", base::to_hex(base::as_bytes(text))}};
  }
}

std::string text_from(const Json& json) {
  if (!json.is_object()) return json.get<std::string>();
  return std::string(base::as_text(base::from_hex(json.at("hex"))));
}

Json texts_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const auto& text : texts) list.push_back(text_json(text));
  return list;
}

std::vector<std::string> texts_from(const Json& json) {
  std::vector<std::string> texts;
  for (const auto& text : json) texts.push_back(text_from(text));
  return texts;
}

Json pairs_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json list = Json::array();
  for (const auto& [name, value] : pairs) list.push_back({text_json(name), text_json(value)});
  return list;
}

std::vector<std::pair<std::string, std::string>> pairs_from(const Json& json) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& pair : json) pairs.emplace_back(text_from(pair.at(0)), text_from(pair.at(1)));
  return pairs;
}

}  // namespace

std::string context_to_json(const CallingContext& context) {
  Json json = {{"working_directory", text_json(context.working_directory)}, {"umask", context.umask}};
  if (context.whole) {
    Json limits = Json::object();
    for (const auto& limit : context.limits) limits[limit.name] = limit.value;
    json.update({{"arguments", texts_json(context.arguments)},
                 {"environment", pairs_json(context.environment)},
                 {"withheld", texts_json(context.withheld)},
                 {"secret", texts_json(context.secret)},
                 {"limits", std::move(limits)},
                 {"locale", pairs_json(context.locale)},
                 {"cpp_locale", context.cpp_locale},
                 {"time_zone", context.time_zone},
                 {"niceness", context.niceness},
                 {"processors", context.processors},
                 {"mxcsr", context.mxcsr},
                 {"x87", context.x87}});
  }
  return json.dump();
}

CallingContext context_from_json(const std::string& text) {
  const Json json = Json::parse(text);
  CallingContext context;
  context.working_directory = text_from(json.at("working_directory"));
  context.umask = whole_number<std::uint32_t>(json.at("umask"));
  context.whole = json.contains("arguments");
  if (!context.whole) return context;
  context.arguments = texts_from(json.at("arguments"));
  context.environment = pairs_from(json.at("environment"));
  context.withheld = texts_from(json.at("withheld"));
  context.secret = texts_from(json.at("secret"));
  for (const auto& [name, value] : json.at("limits").items())
    context.limits.push_back({name, whole_number<std::uint64_t>(value)});
  context.locale = pairs_from(json.at("locale"));
  context.cpp_locale = json.at("cpp_locale");
  context.time_zone = json.at("time_zone");
  context.niceness = whole_number<int>(json.at("niceness"));
  context.processors = whole_number<std::uint32_t>(json.at("processors"));
  context.mxcsr = whole_number<std::uint32_t>(json.at("mxcsr"));
  context.x87 = whole_number<std::uint16_t>(json.at("x87"));
  return context;
}

}  // namespace jobhost::bundle
