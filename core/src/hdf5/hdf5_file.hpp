#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "schema/type.hpp"

namespace jobhost::hdf5 {

/// Numbers of one type side by side, as they are in memory, or texts.
struct Values {
  schema::Kind kind = schema::Kind::kFloating;  // of numbers: kBool, kInteger or kFloating; kString: texts
  std::uint64_t width = 8;                      // bytes of a number: 1, 2, 4, 8
  bool is_signed = true;
  std::vector<unsigned char> numbers;
  std::vector<std::string> texts;
};

/// Texts that describe a dataset or the file: name and value.
using Attributes = std::vector<std::pair<std::string, std::string>>;

/// A new HDF5 file as netCDF-4 lays it out, which is what xarray reads: dimensions are datasets of one dimension that
/// hold its labels, and other datasets say which of them belong to each of theirs. Every call throws
/// Error(kBackendFailed) with HDF5's own words.
class Hdf5File {
 public:
  /// Writes into `path`, whatever was in it.
  explicit Hdf5File(std::string path);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  void describe(const Attributes& attributes);
  /// A dimension with a label for each position.
  void add_dimension(const std::string& name, const Values& labels);
  /// A dataset over dimensions that have been added; none: a single value.
  void add(const std::string& name, const Values& values, const std::vector<std::string>& dimensions,
           const Attributes& attributes = {});
  /// All is written; must be the last call.
  void close();

 private:
  struct Dimension {
    std::string name;
    std::int64_t dataset;
    std::uint64_t length;
  };
  std::int64_t write(const std::string& name, const Values& values, const std::vector<std::uint64_t>& shape);
  std::int64_t checked(std::int64_t result) const;

  std::string path_;
  std::int64_t file_ = -1;
  std::vector<Dimension> dimensions_;
};

}  // namespace jobhost::hdf5
