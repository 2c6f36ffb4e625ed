#include "report/reduction.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "base/suggest.hpp"
#include "report/row_text.hpp"

namespace jobhost::report {
namespace {

using schema::Kind;

constexpr std::uint64_t kLeaf = 4096;
constexpr std::uint64_t kMaxBins = 1'000'000;
const std::vector<std::string> kStatistics = {"sum", "mean", "var", "std", "sem", "min", "max", "hist"};

/// What other programs call a statistic; "" where there is none that means the same.
const std::map<std::string, std::string> kOtherNames = {
    {"average", "mean"}, {"avg", "mean"}, {"total", "sum"},  {"variance", "var"}, {"stdev", "std"},
    {"stddev", "std"},   {"sd", "std"},   {"stderr", "sem"}, {"se", "sem"},       {"median", ""}};

std::string hint_for(const std::string& word) {
  const auto other = kOtherNames.find(word);
  const auto meant = other == kOtherNames.end() ? base::nearest(word, kStatistics) : other->second;
  return (meant.value_or("").empty() ? "" : "did you mean '" + *meant + "'?\n") +
         "there are: sum, mean, var, std, sem (the standard error of the mean), min, max, hist:N";
}

bool is_number(const schema::Type& type) {
  return type.kind == Kind::kBool || type.kind == Kind::kInteger || type.kind == Kind::kFloating;
}
bool is_exact(const schema::Type& type) { return type.kind != Kind::kFloating; }

std::string json_of(double value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string json_of(__int128 value) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  std::string digits;
  for (; value != 0; value /= 10) digits += static_cast<char>('0' + std::abs(static_cast<int>(value % 10)));
  if (negative) digits += '-';
  return {digits.rbegin(), digits.rend()};
}

/// Calls `use` with a value of the C++ type that an encoded number has.
template <class Use>
auto with_type(const schema::Type& type, const Use& use) {
  if (type.kind == Kind::kBool) return use(std::uint8_t{});
  if (type.kind == Kind::kFloating) {
    return type.width == 4 ? use(float{}) : type.width == 8 ? use(double{}) : use(static_cast<long double>(0));
  }
  switch (type.width) {
    case 1:
      return type.is_signed ? use(std::int8_t{}) : use(std::uint8_t{});
    case 2:
      return type.is_signed ? use(std::int16_t{}) : use(std::uint16_t{});
    case 4:
      return type.is_signed ? use(std::int32_t{}) : use(std::uint32_t{});
    default:
      return type.is_signed ? use(std::int64_t{}) : use(std::uint64_t{});
  }
}

template <class T>
T load(const unsigned char* value) {
  T loaded;
  std::memcpy(&loaded, value, sizeof loaded);
  return loaded;
}

/// Eight running sums side by side, then their sum: fast, and always in the same order.
double sum_of(const std::vector<double>& values) {
  double lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= values.size(); i += 8) {
    for (std::size_t k = 0; k < 8; ++k) lanes[k] += values[i + k];
  }
  for (; i < values.size(); ++i) lanes[i % 8] += values[i];
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

void collect(const schema::Type& type, const std::string& name, std::vector<ColumnReduction>& columns) {
  if (type.kind == Kind::kRecord) {
    for (std::size_t i = 0; i < type.items.size(); ++i) collect(type.items[i], name + "." + type.fields[i], columns);
  } else if (is_number(type)) {
    columns.emplace_back(name, type);
  }
}

}  // namespace

Reduction parse_reduction(const std::string& text) {
  Reduction reduction;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.starts_with("hist:")) {
      const auto [stop, error] = std::from_chars(word.data() + 5, word.data() + word.size(), reduction.bins);
      if (error == std::errc::invalid_argument || stop != word.data() + word.size()) {
        throw base::Error(base::ExitCode::kUsage, "'" + word + "' does not say how many bins: write hist:20");
      }
      if (error != std::errc() || reduction.bins == 0 || reduction.bins > kMaxBins) {
        throw base::Error(base::ExitCode::kUsage,
                          "'" + word + "': a histogram has from 1 to " + std::to_string(kMaxBins) + " bins");
      }
      word = "hist";
    } else if (word == "hist") {
      throw base::Error(base::ExitCode::kUsage, "a histogram needs a number of bins: write hist:20");
    }
    if (std::find(kStatistics.begin(), kStatistics.end(), word) == kStatistics.end()) {
      throw base::Error(base::ExitCode::kUsage, "--reduce knows no '" + word + "'", hint_for(word));
    }
    if (std::find(reduction.statistics.begin(), reduction.statistics.end(), word) != reduction.statistics.end()) {
      throw base::Error(base::ExitCode::kUsage, "--reduce names '" + word + "' twice");
    }
    reduction.statistics.push_back(word);
  }
  return reduction;
}

void Moments::join(const Moments& later) {
  if (later.count == 0) return;
  if (count == 0) {
    *this = later;
    return;
  }
  const double all = count + later.count, distance = later.mean - mean;
  mean += distance * (later.count / all);
  squares += later.squares + distance * distance * (count * later.count / all);
  sum += later.sum;
  count = all;
}

ColumnReduction::ColumnReduction(std::string name, schema::Type type) : name_(std::move(name)), type_(std::move(type)) {
  leaf_.reserve(kLeaf);
}

template <class T>
void ColumnReduction::take(std::uint64_t first, std::uint64_t n, const unsigned char* values, std::uint64_t stride) {
  for (std::uint64_t i = 0; i < n;) {
    const std::uint64_t number = (first + i) / kLeaf;
    if (number != leaf_number_) {
      end_leaf();
      leaf_number_ = number;
    }
    const std::uint64_t stop = std::min(n, (number + 1) * kLeaf - first);
    if constexpr (std::is_integral_v<T>) {
      if (count_ == 0 && i < stop) least_ = greatest_ = load<T>(values + i * stride);
      T least = load<T>(values + i * stride), greatest = least;
      std::int64_t low = 0, high = 0;  // a leaf of 32-bit halves cannot overflow these
      for (std::uint64_t k = i; k < stop; ++k) {
        const T value = load<T>(values + k * stride);
        least = std::min(least, value);
        greatest = std::max(greatest, value);
        low += static_cast<std::int64_t>(static_cast<std::uint64_t>(value) & 0xffffffff);
        high += static_cast<std::int64_t>(std::is_signed_v<T>
                                              ? static_cast<std::int64_t>(value) >> 32
                                              : static_cast<std::int64_t>(static_cast<std::uint64_t>(value) >> 32));
        leaf_.push_back(static_cast<double>(value));
      }
      exact_sum_ += (static_cast<__int128>(high) << 32) + low;
      least_ = std::min<__int128>(least_, least);
      greatest_ = std::max<__int128>(greatest_, greatest);
    } else {
      for (std::uint64_t k = i; k < stop; ++k) {
        leaf_.push_back(static_cast<double>(load<T>(values + k * stride)));
      }
    }
    count_ += stop - i;
    i = stop;
  }
}

void ColumnReduction::add_run(std::uint64_t first, std::uint64_t n, const unsigned char* values, std::uint64_t stride) {
  with_type(type_, [&](auto zero) { take<decltype(zero)>(first, n, values, stride); });
}

void ColumnReduction::add(std::uint64_t task, const unsigned char* value) { add_run(task, 1, value, 0); }

void ColumnReduction::end_leaf() {
  Moments leaf;
  if (!leaf_.empty()) {
    leaf.count = static_cast<double>(leaf_.size());
    leaf.sum = sum_of(leaf_);
    leaf.mean = leaf.sum / leaf.count;
    for (double& value : leaf_) {
      nans_ += std::isnan(value) ? 1 : 0;
      if (std::isfinite(value)) {
        lowest_ = any_finite_ ? std::min(lowest_, value) : value;
        highest_ = any_finite_ ? std::max(highest_, value) : value;
        any_finite_ = true;
      }
      minimum_ = first_value_ ? value : std::min(minimum_, value);
      maximum_ = first_value_ ? value : std::max(maximum_, value);
      first_value_ = false;
      value = (value - leaf.mean) * (value - leaf.mean);
    }
    leaf.squares = sum_of(leaf_);
    leaf_.clear();
  }
  // As a binary counter: two subtrees of one size become one of twice the size.
  for (std::size_t level = 0;; ++level) {
    if (level == tree_.size()) tree_.emplace_back();
    if (!tree_[level]) {
      tree_[level] = leaf;
      return;
    }
    tree_[level]->join(leaf);
    leaf = *tree_[level];
    tree_[level].reset();
  }
}

void ColumnReduction::finish() {
  end_leaf();
  for (std::size_t level = tree_.size(); level-- > 0;) {
    if (tree_[level]) all_.join(*tree_[level]);
  }
  tree_.clear();
}

std::string ColumnReduction::sum() const { return is_exact(type_) ? json_of(exact_sum_) : json_of(all_.sum); }

std::string ColumnReduction::mean() const {
  if (count_ == 0) return "null";
  if (is_exact(type_)) {
    return json_of(static_cast<double>(static_cast<long double>(exact_sum_) / static_cast<long double>(count_)));
  }
  return json_of(all_.sum / all_.count);
}

std::string ColumnReduction::variance() const { return count_ < 2 ? "null" : json_of(all_.variance()); }

std::string ColumnReduction::deviation() const { return count_ < 2 ? "null" : json_of(std::sqrt(all_.variance())); }

std::string ColumnReduction::standard_error() const {
  return count_ < 2 ? "null" : json_of(std::sqrt(all_.variance() / all_.count));
}

std::string ColumnReduction::minimum() const {
  if (count_ == 0) return "null";
  return is_exact(type_) ? json_of(least_) : json_of(nans_ > 0 ? std::nan("") : minimum_);
}

std::string ColumnReduction::maximum() const {
  if (count_ == 0) return "null";
  return is_exact(type_) ? json_of(greatest_) : json_of(nans_ > 0 ? std::nan("") : maximum_);
}

void ColumnReduction::begin_histogram(std::uint64_t bins) {
  bins_.assign(bins, 0);
  if (lowest_ == highest_) {
    lowest_ -= 0.5;
    highest_ += 0.5;
  }
}

double ColumnReduction::as_double(const unsigned char* value) const {
  return with_type(type_, [&](auto zero) { return static_cast<double>(load<decltype(zero)>(value)); });
}

void ColumnReduction::count_in_histogram(const unsigned char* encoded) {
  const double value = as_double(encoded);
  if (!std::isfinite(value)) return;
  const double place = (value - lowest_) / (highest_ - lowest_) * static_cast<double>(bins_.size());
  ++bins_[std::min(static_cast<std::size_t>(std::max(place, 0.0)), bins_.size() - 1)];
}

std::vector<double> ColumnReduction::edges() const {
  std::vector<double> edges(bins_.size() + 1);
  const double width = (highest_ - lowest_) / static_cast<double>(bins_.size());
  for (std::size_t i = 0; i < bins_.size(); ++i) edges[i] = lowest_ + static_cast<double>(i) * width;
  edges.back() = highest_;
  return edges;
}

ResultReduction::ResultReduction(const schema::Kernel& kernel) : result_(kernel.result) {
  collect(result_, "result", columns_);
  if (columns_.empty()) {
    throw base::Error(base::ExitCode::kUsage,
                      "--reduce needs numbers, and '" + kernel.name + "' returns " + schema::cpp_name(kernel.result),
                      kernel.signature);
  }
}

template <class Use>
void ResultReduction::for_each_value(std::uint64_t n, const jobhost_column& results, const Use& use) {
  std::string skipped;
  for (std::uint64_t i = 0; i < n; ++i) {
    base::ByteReader reader(bundle::value_at(results, i));
    std::size_t column = 0;
    for_each_cell(result_, reader, [&](const schema::Type& type, base::ByteReader& value) {
      if (is_number(type)) {
        use(columns_[column++], i, value.take(type.kind == Kind::kBool ? 1 : type.width).data());
      } else {
        schema::append_plain(type, value, skipped);
        skipped.clear();
      }
    });
  }
}

void ResultReduction::add(std::uint64_t first, std::uint64_t n, const jobhost_column& results) {
  if (is_number(result_)) return columns_[0].add_run(first, n, results.data, results.stride);
  for_each_value(n, results, [first](ColumnReduction& column, std::uint64_t i, const unsigned char* value) {
    column.add(first + i, value);
  });
}

void ResultReduction::finish() {
  for (auto& column : columns_) column.finish();
}

void ResultReduction::begin_histogram(std::uint64_t bins) {
  for (auto& column : columns_) column.begin_histogram(bins);
}

void ResultReduction::count_in_histogram(std::uint64_t n, const jobhost_column& results) {
  for_each_value(n, results, [](ColumnReduction& column, std::uint64_t, const unsigned char* value) {
    column.count_in_histogram(value);
  });
}

}  // namespace jobhost::report
