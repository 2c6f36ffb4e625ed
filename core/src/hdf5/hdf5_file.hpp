#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schema/type.hpp"

namespace jobhost::hdf5 {

/// What values are in the file.
struct Form {
  schema::Kind kind = schema::Kind::kFloating;  // of numbers: kBool, kInteger or kFloating; kString: texts
  std::uint64_t width = 8;                      // bytes of a number: 1, 2, 4, 8
  bool is_signed = true;
  std::optional<std::uint64_t> fill = {};  // of whole numbers: its low bytes stand where there is none (_FillValue)
};

/// Numbers of one form side by side, as they are in memory, or texts.
struct Values {
  Form form;
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
  bool has(const std::string& name) const;
  /// A dimension with a label for each position.
  void add_dimension(const std::string& name, const Values& labels);
  /// A dataset over dimensions that have been added; none: a single value. Returns its number.
  std::size_t begin(const std::string& name, const Form& form, const std::vector<std::string>& dimensions,
                    const Attributes& attributes = {});
  /// Some of its values, from position `first` on, where the last dimension varies fastest.
  void write(std::size_t dataset, std::uint64_t first, const Values& values);
  /// All of it.
  void add(const std::string& name, const Values& values, const std::vector<std::string>& dimensions);
  /// All is written; must be the last call.
  void close();

 private:
  struct Dataset {
    std::string name;
    std::int64_t id;
    std::vector<std::uint64_t> shape;
  };
  std::size_t create(const std::string& name, const Form& form, std::vector<std::uint64_t> shape);
  std::int64_t checked(std::int64_t result) const;

  std::string path_;
  std::int64_t file_ = -1;
  std::vector<Dataset> datasets_;        // as they are numbered
  std::vector<std::size_t> dimensions_;  // those that are dimensions
};

}  // namespace jobhost::hdf5
