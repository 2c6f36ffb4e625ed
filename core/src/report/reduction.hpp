#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobhost/sdk/abi.h"
#include "schema/type.hpp"

/// Results folded into a few numbers per column. Values are gathered in leaves of 4,096 tasks (by number) and leaves
/// are combined in a binary tree whose shape depends on their numbers alone, so the answer is the same to the last bit
/// however many workers computed it. Failed tasks are left out. Integer sums are exact.
namespace jobhost::report {

/// What --reduce asks for: "mean,var,hist:20".
struct Reduction {
  std::vector<std::string> statistics;  // "sum", "mean", "var", "std", "sem", "min", "max", "hist", in order
  std::uint64_t bins = 0;
};

/// Throws Error(kUsage) that names the word.
Reduction parse_reduction(const std::string& text);

/// Moments of some values, joined as in Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for
/// Computing Sample Variances" (1979).
struct Moments {
  double count = 0, sum = 0, mean = 0, squares = 0;  // squares: sum of (x - mean)^2
  void join(const Moments& later);
  double variance() const { return squares / (count - 1); }
};

/// One numeric column of the results.
class ColumnReduction {
 public:
  ColumnReduction(std::string name, schema::Type type);

  const std::string& name() const { return name_; }
  const schema::Type& type() const { return type_; }
  /// The encoded value of task `task`; tasks in ascending order.
  void add(std::uint64_t task, const unsigned char* value);
  /// The same for tasks [first, first+n), `stride` bytes apart.
  void add_run(std::uint64_t first, std::uint64_t n, const unsigned char* values, std::uint64_t stride);
  void finish();

  // After finish():
  std::uint64_t count() const { return count_; }
  std::string sum() const;  // as JSON: exact for integers, else shortest round-trip; "NaN" and infinities in quotes
  std::string mean() const;
  std::string variance() const;        // of the sample: divided by count - 1; null below two values
  std::string deviation() const;       // its square root
  std::string standard_error() const;  // of the mean: the deviation by the square root of count
  std::string minimum() const;
  std::string maximum() const;

  // A second pass over the same values, after finish():
  void begin_histogram(std::uint64_t bins);
  void count_in_histogram(const unsigned char* value);
  /// N + 1 edges between the smallest and the largest finite value, the last bin closed, as numpy.histogram has it.
  std::vector<double> edges() const;
  const std::vector<std::uint64_t>& histogram() const { return bins_; }

 private:
  template <class T>
  void take(std::uint64_t first, std::uint64_t n, const unsigned char* values, std::uint64_t stride);
  void end_leaf();
  double as_double(const unsigned char* value) const;

  std::string name_;
  schema::Type type_;
  std::vector<double> leaf_;
  std::uint64_t leaf_number_ = 0, count_ = 0, nans_ = 0;
  std::vector<std::optional<Moments>> tree_;  // joined leaves, by level
  Moments all_;
  __int128 exact_sum_ = 0, least_ = 0, greatest_ = 0;  // integers
  double minimum_ = 0, maximum_ = 0;                   // floating-point numbers
  double lowest_ = 0, highest_ = 0;                    // finite values only
  bool any_finite_ = false, first_value_ = true;
  std::vector<std::uint64_t> bins_;
};

/// All numeric columns of a kernel's results: "result", or "result.x" for the fields of a struct.
class ResultReduction {
 public:
  /// Throws Error(kUsage) when the result holds no number.
  explicit ResultReduction(const schema::Kernel& kernel);
  void add(std::uint64_t first, std::uint64_t n, const jobhost_column& results);
  void finish();
  void begin_histogram(std::uint64_t bins);
  void count_in_histogram(std::uint64_t n, const jobhost_column& results);
  const std::vector<ColumnReduction>& columns() const { return columns_; }

 private:
  template <class Use>
  void for_each_value(std::uint64_t n, const jobhost_column& results, const Use& use);

  schema::Type result_;
  std::vector<ColumnReduction> columns_;
};

}  // namespace jobhost::report
