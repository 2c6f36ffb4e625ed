#include "cli/session_file.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/hex.hpp"
#include "base/json_checks.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::uint64_t kLimit = 1ULL << 30;

struct Damage {
  std::string why;
};

SavedGlobal global_from(const Json& json, const std::string& path) {
  SavedGlobal global;
  global.name = json.at("name");
  global.library = json.value("library", std::string());
  global.type = schema::type_from_json(json.at("type").dump(), path);
  global.value = base::from_hex(json.at("encoded"));
  if (schema::encoded_size(global.type, global.value) != global.value.size()) {
    throw Damage{"the encoded form of '" + global.name + "' is no " + schema::cpp_name(global.type)};
  }
  if (Json::parse(value_text(global)) != json.at("value")) {
    throw Damage{"'" + global.name + "' is " + json.at("value").dump() + ", but encoded is " + value_text(global)};
  }
  return global;
}

SavedSession session_from(const Json& json, const std::string& path) {
  SavedSession session{json.at("plugin"), json.at("build_id"), {}};
  for (const auto& global : json.at("globals")) session.globals.push_back(global_from(global, path));
  return session;
}

}  // namespace

std::string value_text(const SavedGlobal& global) {
  std::string text;
  base::ByteReader reader(global.value);
  schema::append_json(global.type, reader, text);
  return text;
}

void write_session(base::Env& env, const std::string& path, const SavedSession& session) {
  Json globals = Json::array();
  for (const auto& global : session.globals) {
    Json json = {{"name", global.name}};
    if (!global.library.empty()) json["library"] = global.library;
    json["type"] = Json::parse(schema::type_to_json(global.type));
    json["value"] = Json::parse(value_text(global));
    json["encoded"] = base::to_hex(global.value);
    globals.push_back(std::move(json));
  }
  const Json json = {
      {"format", kFormat}, {"plugin", session.plugin}, {"build_id", session.build_id}, {"globals", std::move(globals)}};
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  base::write_file_atomically(env, path, base::as_bytes(text), false, 0644);
}

SavedSession read_session(base::Env& env, const std::string& path) {
  if (!base::exists(env, path)) throw base::Error(base::ExitCode::kUsage, "there is no file '" + path + "'");
  const base::Bytes bytes = base::read_file(env, path, kLimit);
  const bool nests = !base::json_excess(base::as_text(bytes), SIZE_MAX).empty();  // maps may have any number of keys
  const Json json = nests ? Json() : Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  const std::string save = "make one: jobhost session save FILE PLUGIN";
  if (json.is_discarded() && base::as_text(bytes).starts_with("{\n  \"format\": ")) {
    throw base::Error(base::ExitCode::kDamaged, "'" + path + "' is damaged: it is no JSON any more", save);
  }
  if (!json.is_object() || !json.contains("format") || !json.contains("globals")) {
    throw base::Error(base::ExitCode::kUsage, "'" + path + "' is no saved session", save);
  }
  if (json.at("format") != kFormat) {
    throw base::Error(base::ExitCode::kUsage,
                      "'" + path + "' is of format " + json.at("format").dump() + ", this jobhost reads format " +
                          std::to_string(kFormat),
                      "the jobhost that saved it reads it, or one that is as new");
  }
  const auto damaged = [&](const std::string& why) {
    return base::Error(base::ExitCode::kDamaged, "'" + path + "' is damaged: " + why,
                       "save it again; single values are changed with --set");
  };
  try {
    return session_from(json, path);
  } catch (const Damage& damage) {
    throw damaged(damage.why);
  } catch (const base::Malformed& bad) {
    throw damaged(bad.why);
  } catch (const Json::exception& failure) {
    throw damaged(failure.what());
  } catch (const base::Error& error) {
    throw damaged(error.what());
  }
}

}  // namespace jobhost::cli
