#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "host/explanation.hpp"
#include "report/failure_groups.hpp"
#include "schema/type.hpp"

/// What looking commands print with --json: one object that begins with "schema": "jobhost/1".
namespace jobhost::cli {

/// Puts the schema before the members of `body` (an object). Text that is not UTF-8 is mended.
std::string document_text(const nlohmann::ordered_json& body);
void print_document(const nlohmann::ordered_json& body);

/// The members of an "error" object: those of a result row, then "causes" and "stack".
nlohmann::ordered_json to_json(const host::Explanation& failure);

/// How many there are, the first of them and which tasks it were.
nlohmann::ordered_json to_json(const report::FailureGroup& group);

/// Functions that are no kernels, and why.
nlohmann::ordered_json to_json(const std::vector<schema::Skipped>& skipped);

/// Name, signature, source, documentation, parameters and result, types as C++ spells them.
nlohmann::ordered_json to_json(const schema::Kernel& kernel);

}  // namespace jobhost::cli
