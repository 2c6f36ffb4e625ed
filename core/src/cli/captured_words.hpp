#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "host/captured.hpp"

/// Captured values for people and as JSON.
namespace jobhost::cli {

/// {"hex": …} where the type is not known.
nlohmann::ordered_json value_json(const host::Captured& captured);
/// The beginning of a long one.
std::string value_in_words(const host::Captured& captured);

/// Name and value of each; of several of one name, those of libraries have "NAME in LIBRARY".
nlohmann::ordered_json values_json(const std::vector<host::Captured>& values);

/// "load_table file=t.csv", "" for none.
std::string init_in_words(const bundle::Manifest& manifest, const host::Descriptions& descriptions);
/// Name, and arguments where they are known; null for no initialiser.
nlohmann::ordered_json init_json(const bundle::Manifest& manifest, const host::Descriptions& descriptions);

/// The number that the tasks' seeds are drawn from, "" for none.
std::string seed_of(const bundle::Manifest& manifest);

/// The words as a shell needs them.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace jobhost::cli
