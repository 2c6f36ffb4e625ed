#pragma once

#include <functional>
#include <string>

#include "base/file.hpp"

namespace jobhost::store {

/// Hands the lines of a file to `use`, block by block: there may be many of them. One that has no end yet is left out.
/// Error(kDamaged), "'…' is no <what>", at a line longer than `longest` bytes.
void for_each_line(const base::File& file, std::size_t longest, const std::string& what,
                   const std::function<void(const std::string&)>& use);

}  // namespace jobhost::store
