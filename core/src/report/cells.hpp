#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "schema/type.hpp"

namespace jobhost::report {

/// Reads an encoded number as a double. Null for a type that is none; enumerations and truth values are numbers.
using NumberOf = double (*)(const unsigned char* value);
NumberOf number_of(const schema::Type& type);

/// The value as JSON in little space: numbers in full, whole ones beyond 2^53 as text so that no reader rounds them,
/// what is no scalar cut short as text.
std::string cell_json(const schema::Type& type, base::ByteView value);

/// The cells that a value takes in a row: itself, or the fields of a struct.
class Cells {
 public:
  struct Cell {
    std::string name;
    schema::Type type;
    NumberOf number;  // null when it is none
  };
  Cells(const schema::Type& type, const std::string& name);

  const std::vector<Cell>& cells() const { return cells_; }
  /// Calls `use(i, bytes)` for each cell of an encoded value.
  void each(base::ByteView value, const std::function<void(std::size_t, base::ByteView)>& use) const;

 private:
  void add(const schema::Type& type, const std::string& name);
  std::vector<Cell> cells_;
};

}  // namespace jobhost::report
