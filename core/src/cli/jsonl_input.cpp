#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_checks.hpp"
#include "cli/row_input.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {

std::string read_jsonl(base::Env& env, const std::string& path, const schema::Kernel& kernel, const OpenPack& open) {
  const std::string file = name_of_file(path);
  bundle::PackWriter* pack = nullptr;
  std::vector<std::uint32_t> parameters;
  std::uint64_t number = 0;
  base::Bytes value;
  std::string sha256 = for_each_line(env, path, [&](std::string_view line) {
    ++number;
    if (line.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
    const auto refuse = [&](const std::string& why) {
      return base::Error(base::ExitCode::kUsage, file + " line " + std::to_string(number) + why, kernel.signature);
    };
    if (const std::string why = base::json_excess(line, SIZE_MAX); !why.empty()) throw refuse(": " + why);
    const auto json = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!json.is_object()) throw refuse(" is not a JSON object");
    if (!pack) {
      for (const auto& [key, ignored] : json.items()) {
        const int parameter = parameter_of(kernel, key, file);
        if (parameter >= 0) parameters.push_back(static_cast<std::uint32_t>(parameter));
      }
      pack = &open(parameters);
    }
    std::vector<bool> found(parameters.size(), false);
    for (const auto& [key, cell] : json.items()) {
      const int parameter = parameter_of(kernel, key, file + " line " + std::to_string(number));
      if (parameter < 0) continue;
      const auto place = std::find(parameters.begin(), parameters.end(), static_cast<std::uint32_t>(parameter));
      if (place == parameters.end()) throw refuse(": '" + key + "' is missing in the first row");
      const auto column = static_cast<std::size_t>(place - parameters.begin());
      if (found[column]) throw refuse(": '" + kernel.parameters[parameters[column]].name + "' is given twice");
      found[column] = true;
      value.clear();
      const std::string why =
          schema::encode_json(kernel.parameters[static_cast<std::size_t>(parameter)].type, cell.dump(), value);
      if (!why.empty()) throw refuse(", column '" + key + "': " + why);
      pack->append(static_cast<std::uint32_t>(column), value);
    }
    const auto missing = std::find(found.begin(), found.end(), false);
    if (missing != found.end()) {
      const auto& name = kernel.parameters[parameters[static_cast<std::size_t>(missing - found.begin())]].name;
      throw refuse(": '" + name + "' is missing");
    }
    pack->end_row();
  });
  if (!pack) open({});
  return sha256;
}

}  // namespace jobhost::cli
