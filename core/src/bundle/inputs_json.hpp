#pragma once

#include <string>

#include "bundle/inputs.hpp"

namespace jobhost::bundle {

/// The recipe as MANIFEST keeps it. Constants are hexadecimal bytes, ranges of doubles exact (17 digits).
std::string inputs_to_json(const Inputs& inputs);

/// Throws Error(kDamaged) that says what is wrong: a field missing or of another type, a pack that is not there, a file
/// name outside inputs/.
Inputs inputs_from_json(const std::string& json, const std::string& where);

}  // namespace jobhost::bundle
