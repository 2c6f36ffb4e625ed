#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/submission.hpp"

/// What a job's tasks find set before they begin, with its types.
namespace jobhost::host {

/// What a job's code says of itself.
struct Descriptions {
  schema::Description plugin;
  std::map<std::string, schema::Description> libraries;  // by name; those that say anything
};

/// Of the job's own copies; empty where these cannot be read.
Descriptions descriptions_of(base::Env& env, const Job& job);

struct Captured {
  std::string name, library;         // `library` as in bundle::Global
  std::optional<schema::Type> type;  // nothing where the code does not tell, or the bytes are no such value
  base::ByteView value;              // encoded, in the manifest
};

/// The globals, in the manifest's order.
std::vector<Captured> captured_globals(const bundle::Manifest& manifest, const Descriptions& descriptions);

/// The initialiser's arguments; none where its parameters are not known, as those of a program's.
std::vector<Captured> initialiser_arguments(const bundle::Manifest& manifest, const Descriptions& descriptions);

}  // namespace jobhost::host
