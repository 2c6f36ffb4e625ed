#pragma once

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/env.hpp"
#include "schema/type.hpp"

/// A saved session: the values of a plugin's global variables as a JSON file that people can read and keep.
namespace jobhost::cli {

struct SavedGlobal {
  std::string name;
  std::string library;  // file name of the plugin that it is in, where that is a library of the session's; else ""
  schema::Type type;
  base::Bytes value;  // encoded
};

struct SavedSession {
  std::string plugin, build_id;  // path that the values are of
  std::vector<SavedGlobal> globals;
};

/// Appears complete or not at all.
void write_session(base::Env& env, const std::string& path, const SavedSession& session);

/// Throws Error(kUsage) when the file is missing or no session, Error(kDamaged) when it is one and what it says of a
/// value does not fit together.
SavedSession read_session(base::Env& env, const std::string& path);

/// As JSON.
std::string value_text(const SavedGlobal& global);

}  // namespace jobhost::cli
