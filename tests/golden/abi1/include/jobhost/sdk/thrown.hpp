#pragma once

#include <cxxabi.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <typeinfo>

#include "jobhost/sdk/abi.h"

/// Puts the exception being handled into the C form that crosses the boundary.
namespace jobhost::sdk {

/// A type of exception whose objects cross the boundary: the module's list of them, filled by static constructors.
struct ExceptionWriter {
  /// Inside a catch handler: the object's encoded members in memory from malloc, or null when it is of another type.
  unsigned char* (*write)(std::uint64_t& size);
  ExceptionWriter* next = nullptr;

  static inline ExceptionWriter* first = nullptr;
  static void add(ExceptionWriter& writer) {
    writer.next = first;
    first = &writer;
  }
};

/// An exception and its nested causes; texts are copies, freed with it.
class Thrown {
 public:
  Thrown() = default;
  Thrown(const Thrown&) = delete;
  Thrown& operator=(const Thrown&) = delete;
  ~Thrown() {
    for (int i = 0; i < depth_; ++i) std::free(const_cast<char*>(levels_[i].what));
    std::free(const_cast<unsigned char*>(levels_[0].object));
  }
  void add(const std::type_info* type, const char* what) {
    if (depth_ == kMaxDepth) return;
    char* copy = ::strdup(what);
    levels_[depth_] = {type ? type->name() : nullptr, copy ? copy : "", nullptr, nullptr, 0};
    if (depth_ > 0) levels_[depth_ - 1].cause = &levels_[depth_];
    ++depth_;
  }
  /// The outermost exception's object, in memory from malloc.
  void set_object(unsigned char* object, std::uint64_t size) {
    levels_[0].object = object;
    levels_[0].size = size;
  }
  const jobhost_exception* first() const { return levels_; }

 private:
  static constexpr int kMaxDepth = 16;
  jobhost_exception levels_[kMaxDepth] = {};
  int depth_ = 0;
};

template <class Text>
concept Complete = requires {
  sizeof(Text);
};

inline const char* in_digits(char (&buffer)[32], long long value) {
  std::snprintf(buffer, sizeof buffer, "%lld", value);
  return buffer;
}

template <class Text>
void describe_current(Thrown& thrown);

/// Call inside the handler that caught it.
template <class Text>
[[gnu::cold, gnu::noinline]] void describe(Thrown& thrown, const std::exception& error) {
  thrown.add(abi::__cxa_current_exception_type(), error.what());
  const auto* nested = dynamic_cast<const std::nested_exception*>(&error);
  if (!nested || !nested->nested_ptr()) return;
  try {
    nested->rethrow_nested();
  } catch (const std::exception& cause) {
    describe<Text>(thrown, cause);
  } catch (...) {
    describe_current<Text>(thrown);
  }
}

/// Call inside a catch handler for what is no std::exception. `Text` is std::string, which may be incomplete where the
/// user never included it.
template <class Text>
[[gnu::cold, gnu::noinline]] void describe_current(Thrown& thrown) {
  const std::type_info* type = abi::__cxa_current_exception_type();
  char buffer[32];
  try {
    throw;
  } catch (const char* text) {
    thrown.add(type, text ? text : "");
  } catch (int value) {
    thrown.add(type, in_digits(buffer, value));
  } catch (long value) {
    thrown.add(type, in_digits(buffer, value));
  } catch (unsigned value) {
    thrown.add(type, in_digits(buffer, value));
  } catch (...) {
    if constexpr (Complete<Text>) {
      try {
        throw;
      } catch (const Text& text) {
        thrown.add(type, text.c_str());
        return;
      } catch (...) {
      }
    }
    thrown.add(type, "");
  }
}

}  // namespace jobhost::sdk
