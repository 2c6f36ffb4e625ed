#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "hdf5/hdf5_file.hpp"
#include "schema/type.hpp"

namespace jobhost::hdf5 {

/// What the values of a type are in the file. Each may be a list of numbers, a list of such lists, and so on: those
/// have dimensions of their own, behind the ones of the tasks.
struct CellForm {
  Form form;
  std::vector<std::uint64_t> lengths = {};  // of a value's own dimensions; none: it is one number or one text

  std::uint64_t size() const;  // numbers or texts of a value
};

bool is_whole(const Form& form);

/// A number as a number, all else as text.
CellForm plain_form(const schema::Type& type);

/// Values for so many positions; NaN, a fill value or nothing where none is set.
class Column {
 public:
  Column(const schema::Type& type, CellForm form, std::uint64_t length);
  Column(const schema::Type& type, std::uint64_t length) : Column(type, plain_form(type), length) {}

  void clear(std::uint64_t length);
  void set(std::uint64_t at, base::ByteReader& reader);
  template <class T>
  void put(std::uint64_t at, T value) {
    std::memcpy(values_.numbers.data() + at * sizeof value, &value, sizeof value);
  }
  void put_text(std::uint64_t at, const std::string& text);
  /// Leaves the first `length` positions.
  void cut(std::uint64_t length);
  std::uint64_t size_of_texts() const { return size_of_texts_; }
  const Values& values() const { return values_; }
  const CellForm& form() const { return form_; }

 private:
  void set_list(const schema::Type& type, std::size_t depth, std::uint64_t at, base::ByteReader& reader);
  void set_number(const schema::Type& type, std::uint64_t at, base::ByteReader& reader);

  schema::Type type_;
  CellForm form_;
  Values values_;
  std::uint64_t size_of_texts_ = 0;
};

/// Looks at results to find what they should be in the file: what is a fill value, and how long lists are.
class CellSurvey {
 public:
  explicit CellSurvey(const schema::Type& type);

  /// Whether form() needs all values. `gaps`: some tasks have no result.
  bool must_look(bool gaps) const;
  void add(base::ByteReader& reader);
  /// `good` of all tasks have a result. Lists that differ in length become as long as the longest, and what is missing
  /// is NaN or a fill value. They stay text where they would be mostly that, where whole numbers leave no fill value,
  /// or beyond `most_dimensions`.
  CellForm form(std::uint64_t good, std::uint64_t tasks, std::size_t most_dimensions) const;

 private:
  void add(const schema::Type& type, std::size_t depth, base::ByteReader& reader);
  Form with_fill(Form form) const;

  schema::Type type_;
  std::optional<schema::Type> number_;  // what it is, or what its lists are of
  bool vectors_ = false;
  __int128 least_ = __int128{1} << 65, most_ = -(__int128{1} << 65);  // of whole numbers
  std::uint64_t values_ = 0, numbers_ = 0;
  std::vector<std::uint64_t> shortest_, longest_;  // lists, by depth
  std::string skipped_;
};

}  // namespace jobhost::hdf5
