#include "host/globals.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/suggest.hpp"
#include "schema/value.hpp"

namespace jobhost::host {

const schema::Variable& variable_named(const schema::Description& plugin, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& global : plugin.globals) {
    if (global.name == name) return global;
    names.push_back(global.name);
  }
  throw base::Error(base::ExitCode::kUsage, "the plugin has no global variable '" + name + "' that can be set",
                    base::did_you_mean(name, names));
}

bundle::Global global_of(const schema::Description& plugin, const std::string& name, const std::string& text) {
  const schema::Variable& variable = variable_named(plugin, name);
  bundle::Global global{name, variable.symbol, {}};
  const std::string why = schema::encode_text(variable.type, text, global.value);
  if (why.empty()) return global;
  throw base::Error(base::ExitCode::kUsage, "global '" + name + "': " + why,
                    "it is of type " + schema::cpp_name(variable.type));
}

std::vector<bundle::Global> merged_globals(const schema::Description& plugin,
                                           const std::vector<bundle::Global>& session,
                                           const std::vector<std::pair<std::string, std::string>>& typed) {
  std::vector<bundle::Global> globals;
  for (const auto& global : session) {
    const bool wins = !global.library.empty() || std::none_of(typed.begin(), typed.end(), [&](const auto& set) {
      return set.first == global.name;
    });
    if (wins) globals.push_back(global);
  }
  for (const auto& [name, text] : typed) globals.push_back(global_of(plugin, name, text));
  return globals;
}

void add_live_globals(const std::string& schema, const bundle::Blob& library, const LiveGlobal& live,
                      std::vector<bundle::Global>& globals) {
  if (schema.empty()) return;
  for (const auto& variable : schema::parse_description(schema, library.origin).globals) {
    if (!variable.declared || variable.getter.empty()) continue;
    if (auto value = live(library, variable.getter)) {
      globals.push_back({variable.name, variable.symbol, std::move(*value), library.name});
    }
  }
}

void require_room(const std::vector<bundle::Global>& globals) {
  constexpr std::uint64_t kMost = bundle::kManifestLimit / 4;  // a byte is two digits
  std::uint64_t bytes = 0;
  for (const auto& global : globals) bytes += global.value.size();
  if (bytes <= kMost) return;
  throw base::Error(base::ExitCode::kUsage,
                    "the job's globals have values of " + std::to_string(bytes >> 20) + " MiB, and there is room for " +
                        std::to_string(kMost >> 20) + " MiB",
                    "give what is that large to the kernel as a parameter: --common, or an argument of the map");
}

}  // namespace jobhost::host
