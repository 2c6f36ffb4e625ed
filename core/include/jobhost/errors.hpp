#pragma once

#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "jobhost/detail/runtime.hpp"

namespace jobhost {

/// What is known of a failed task. Every exception that a verb rethrows derives from it as well, so that
/// `catch (const jobhost::TaskFailure&)` sees all of them.
class TaskFailure {
 public:
  explicit TaskFailure(const detail::Failure& failure) : failure_(failure) {}
  virtual ~TaskFailure() = default;

  std::uint64_t task() const { return failure_.task; }                    // its index in the map
  const std::string& kind() const { return failure_.kind; }               // "exception", "crash", "timeout" or "lost"
  const std::string& type() const { return failure_.type; }               // of the exception, as C++ spells it; else ""
  const std::string& message() const { return failure_.what; }            // what(), "SIGSEGV", "ran longer than 1 s"
  const std::string& where() const { return failure_.details->where(); }  // "f at analysis.cpp:12", or ""
  /// The task's arguments: "7, [1,2,3]"; long ones are cut.
  const std::string& inputs() const { return failure_.details->inputs(); }
  const std::vector<std::string>& stack() const { return failure_.details->stack(); }  // innermost call first

 private:
  detail::Failure failure_;
};

/// A crash, a time-out, or an exception of a type that is not one of the standard library's.
class RemoteError : public std::runtime_error, public TaskFailure {
 public:
  explicit RemoteError(const detail::Failure& failure)
      : std::runtime_error("task " + std::to_string(failure.task) + ": " +
                           (failure.type.empty() ? failure.kind : failure.type) + ": " + failure.what +
                           (failure.details->where().empty() ? "" : " (" + failure.details->where() + ")")),
        TaskFailure(failure) {}
};

namespace detail {

/// A standard exception as it was thrown in the task, and what is known of the task.
template <class E>
class Rethrown : public E, public TaskFailure {
 public:
  explicit Rethrown(const Failure& failure) requires std::is_constructible_v<E, std::string> : E(failure.what),
                                                                                               TaskFailure(failure) {}
  explicit Rethrown(const Failure& failure) requires(!std::is_constructible_v<E, std::string>)
      : E(), TaskFailure(failure) {}
  const char* what() const noexcept override { return message().c_str(); }
};

/// Throws the failure as itself. Nested causes are nested again.
[[noreturn]] void rethrow(const Failure& failure);

}  // namespace detail
}  // namespace jobhost
