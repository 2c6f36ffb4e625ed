#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "bundle/inputs.hpp"
#include "schema/type.hpp"

namespace jobhost::cli {

/// What one SPEC says: a single value or a range (kept as a recipe), or a list of encoded values.
struct Values {
  std::uint64_t count = 1;
  std::variant<bundle::Constant, bundle::IntegerRange, bundle::FloatRange, bundle::DecimalRange, bundle::Linspace,
               std::vector<base::Bytes>>
      what;
};

/// Parses the right side of NAME=SPEC for a parameter of this type: `3`, `1,2,5`, `0..10`, `0..1..0.1`, JSON for
/// structured values. `literal` takes the text as one value, whatever it holds. Throws Error(kUsage) whose text says
/// what does not fit; the caller adds which parameter.
Values parse_spec(const schema::Type& type, const std::string& text, bool literal);

/// "FIRST:LAST:COUNT": points from first to last, both included, with a constant difference or a constant ratio. For
/// floating-point parameters. A ratio's values are computed here, once: pow() may differ from machine to machine.
Values parse_linspace(const schema::Type& type, const std::string& text);
Values parse_logspace(const schema::Type& type, const std::string& text);

/// One value per word.
Values parse_list(const schema::Type& type, const std::vector<std::string>& words);

}  // namespace jobhost::cli
