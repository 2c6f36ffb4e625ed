// Compiled into every program that add_job_program() makes: what its module says to the runtime, and to workers.
#include <any>
#include <atomic>
#include <mutex>
#include <optional>
#include <typeinfo>
#include <variant>

#include "jobhost/detail/callable.hpp"
#include "jobhost/exception.hpp"

namespace jobhost::detail {
namespace {

Runtime* current = nullptr;

/// Throws E, with the causes nested in it.
template <class E>
void throw_if(const Failure& failure, const char* name) {
  if (failure.type != name) return;
  if (failure.causes.empty()) throw Rethrown<E>(failure);
  Failure cause = failure;
  cause.type = failure.causes[0].type;
  cause.what = failure.causes[0].what;
  cause.causes.erase(cause.causes.begin());
  try {
    rethrow(cause);
  } catch (...) {
    std::throw_with_nested(Rethrown<E>(failure));
  }
}

}  // namespace

Runtime& runtime() {
  if (current) return *current;
  throw std::logic_error(
      "jobhost cannot map here: inside a task, before main(), or in a program not made by add_job_program()");
}

void rethrow(const Failure& failure) {
  for (const KnownException* known = KnownException::first; known; known = known->next) known->rethrow_if(failure);
  throw_if<std::invalid_argument>(failure, "std::invalid_argument");
  throw_if<std::domain_error>(failure, "std::domain_error");
  throw_if<std::length_error>(failure, "std::length_error");
  throw_if<std::out_of_range>(failure, "std::out_of_range");
  throw_if<std::logic_error>(failure, "std::logic_error");
  throw_if<std::range_error>(failure, "std::range_error");
  throw_if<std::overflow_error>(failure, "std::overflow_error");
  throw_if<std::underflow_error>(failure, "std::underflow_error");
  throw_if<std::runtime_error>(failure, "std::runtime_error");
  throw_if<std::bad_array_new_length>(failure, "std::bad_array_new_length");
  throw_if<std::bad_alloc>(failure, "std::bad_alloc");
  throw_if<std::bad_any_cast>(failure, "std::bad_any_cast");
  throw_if<std::bad_cast>(failure, "std::bad_cast");
  throw_if<std::bad_typeid>(failure, "std::bad_typeid");
  throw_if<std::bad_optional_access>(failure, "std::bad_optional_access");
  throw_if<std::bad_variant_access>(failure, "std::bad_variant_access");
  throw_if<std::exception>(failure, "std::exception");
  throw RemoteError(failure);
}

std::string capture_globals() {
  std::string values;
  for (const KnownGlobal* known = KnownGlobal::first; known; known = known->next) known->write(values);
  return values;
}

void restore_globals(const jobhost_column& captured) {
  static std::atomic<bool> done{false};
  if (done.load(std::memory_order_acquire)) return;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (done.load(std::memory_order_relaxed)) return;
  const sdk::Encoded column = sdk::value_of(captured, 0);
  sdk::Reader reader(column.data, column.size);
  reader.size();
  for (const KnownGlobal* known = KnownGlobal::first; known; known = known->next) known->restore(reader);
  done.store(true, std::memory_order_release);
}

}  // namespace jobhost::detail

void jobhost_set_runtime(jobhost::detail::Runtime* runtime) { jobhost::detail::current = runtime; }

jobhost_entry jobhost_entry_at(std::uint64_t offset) {
  using jobhost::detail::Registration;
  for (const Registration* known = Registration::first; known; known = known->next) {
    if (reinterpret_cast<std::uint64_t>(known->entry) == jobhost::detail::module_base() + offset) return known->entry;
  }
  return nullptr;
}
