#pragma once

#include "jobhost/detail/callable.hpp"

namespace jobhost {

/// Makes a global variable travel: its value when a map, call or pool is started is what tasks find in it. One object
/// at namespace scope does it, anywhere in the program:
///
///     static std::vector<double> table;  // filled by main
///     static const jobhost::Global table_travels(table);
///
/// Workers restore it before their first task; what tasks then do to it stays in their process. Without it, a global is
/// in workers what its initialiser makes it. T must be of a type that travels.
template <class T>
class Global : private detail::KnownGlobal {
  static_assert(sdk::is_settable<T>(), "the variable is of a type that cannot travel, or cannot be assigned to");

 public:
  /// `variable` must be global: it is found in workers by being registered at the same place.
  explicit Global(T& variable) : variable_(variable) {}

 private:
  void write(std::string& out) const override {
    detail::StringWriter writer;
    sdk::encode(writer, variable_);
    out += writer.text;
  }
  void restore(sdk::Reader& reader) const override {
    if constexpr (std::is_array_v<T>) {
      sdk::decode(reader, variable_);
    } else {
      T fresh{};
      sdk::decode(reader, fresh);
      variable_ = std::move(fresh);
    }
  }

  const void* data() const override { return &variable_; }
  std::size_t size() const override { return sizeof(T); }

  T& variable_;
};

}  // namespace jobhost
