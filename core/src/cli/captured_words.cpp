#include "cli/captured_words.hpp"

#include <nlohmann/json.hpp>

#include "base/hex.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostCharacters = 200;

std::string shortened(std::string text) {
  if (text.size() <= kMostCharacters) return text;
  std::size_t end = kMostCharacters;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
  return text.substr(0, end) + "...";
}

}  // namespace

Json value_json(const host::Captured& captured) {
  if (captured.type) {
    std::string text;
    base::ByteReader reader(captured.value);
    schema::append_json(*captured.type, reader, text);
    if (Json value = Json::parse(text, nullptr, false); !value.is_discarded()) return value;
  }
  return {{"hex", base::to_hex(captured.value)}};
}

std::string value_in_words(const host::Captured& captured) {
  if (!captured.type) return std::to_string(captured.value.size()) + " bytes of unknown type";
  std::string text;
  base::ByteReader reader(captured.value);
  schema::append_plain(*captured.type, reader, text);
  return shortened(std::move(text));
}

Json values_json(const std::vector<host::Captured>& values) {
  Json document = Json::object();
  for (const auto& one : values) {
    const bool taken = !one.library.empty() && document.contains(one.name);
    document[taken ? one.name + " in " + one.library : one.name] = value_json(one);
  }
  return document;
}

std::string init_in_words(const bundle::Manifest& manifest, const host::Descriptions& descriptions) {
  std::string text = manifest.init.name;
  for (const auto& argument : host::initialiser_arguments(manifest, descriptions)) {
    text += " " + argument.name + "=" + value_in_words(argument);
  }
  return text;
}

Json init_json(const bundle::Manifest& manifest, const host::Descriptions& descriptions) {
  if (manifest.init.symbol.empty()) return nullptr;
  Json document = {{"name", manifest.init.name}};
  const auto arguments = host::initialiser_arguments(manifest, descriptions);
  if (arguments.size() == manifest.init.ends.size()) document["arguments"] = values_json(arguments);
  return document;
}

std::string seed_of(const bundle::Manifest& manifest) {
  for (const auto& axis : manifest.inputs.axes) {
    for (const auto& source : axis.sources) {
      if (const auto* seeds = std::get_if<bundle::Seeds>(&source.values)) return std::to_string(seeds->key);
    }
  }
  return "";
}

std::string shell_line(const std::vector<std::string>& words) {
  static constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  std::string line;
  for (const auto& word : words) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) c == '\'' ? line += "'\\''" : line += c;
    line += '\'';
  }
  return line;
}

}  // namespace jobhost::cli
