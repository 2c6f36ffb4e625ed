#pragma once

#include <string>

#include "schema/type.hpp"

namespace jobhost::schema {

/// The first thing in which the types of the parameters differ, as a phrase: "parameter 'n' was int and is double now",
/// "field 'y' of parameter 'p' (Point) was double and is float now". "" when they are the same; names do not count.
std::string parameter_difference(const Kernel& was, const Kernel& is);

}  // namespace jobhost::schema
