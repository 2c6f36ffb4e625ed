#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/env.hpp"
#include "base/mapping.hpp"
#include "schema/type.hpp"

namespace jobhost::cli {

/// An array in a .npy file (NumPy's format 1 to 3): numbers and truth values of one type, or records of such. The file
/// is mapped, not read.
class NpyArray {
 public:
  /// Throws Error(kUsage) that names the file when it is no such array.
  NpyArray(base::Env& env, const std::string& path);
  NpyArray(const NpyArray&) = delete;
  NpyArray& operator=(const NpyArray&) = delete;

  const std::string& path() const { return path_; }
  std::string sha256() const;  // of the file
  const std::vector<std::uint64_t>& shape() const { return shape_; }
  /// Length of the first dimension; 1 for an array of none.
  std::uint64_t rows() const { return shape_.empty() ? 1 : shape_[0]; }
  /// Names of the fields of a record; none for a plain array.
  const std::vector<std::string>& fields() const { return names_; }

  /// These append a value of `type` and return "", or why it does not fit.
  /// Row `row`: a number for an array of one dimension, a (nested) vector or array for more.
  std::string encode_row(const schema::Type& type, std::uint64_t row, base::Bytes& out) const;
  /// A field of a record, or item [row, column] of an array of two dimensions.
  std::string encode_cell(const schema::Type& type, std::uint64_t row, std::size_t column, base::Bytes& out) const;
  /// The whole array as one value.
  std::string encode_all(const schema::Type& type, base::Bytes& out) const;

 private:
  struct Field {
    char kind;  // 'i', 'u', 'f' or 'b'
    std::uint64_t size, offset;
  };
  static bool is_encoded(const schema::Type& type, const Field& field);
  [[noreturn]] void refuse(const std::string& why) const;
  Field field_of(const std::string& descriptor) const;
  void parse_header(const std::string& header);
  std::string encode(const schema::Type& type, std::size_t dimension, std::uint64_t index, base::Bytes& out) const;
  std::string encode_number(const schema::Type& type, const Field& field, const unsigned char* raw,
                            base::Bytes& out) const;

  std::string path_;
  base::Mapping mapping_;
  const unsigned char* memory_ = nullptr;
  std::uint64_t size_ = 0, data_ = 0, item_ = 0;  // bytes of the file, where the items begin, bytes of one
  std::vector<std::uint64_t> shape_, strides_;    // strides in items
  std::vector<Field> fields_;
  std::vector<std::string> names_;
};

}  // namespace jobhost::cli
