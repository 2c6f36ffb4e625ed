#pragma once

#include "jobhost/detail/callable.hpp"
#include "jobhost/errors.hpp"

namespace jobhost {

namespace detail {

/// A type of exception that the program knows by an ExceptionType.
class KnownException {
 public:
  KnownException(const KnownException&) = delete;
  KnownException& operator=(const KnownException&) = delete;
  /// Throws the object that the failure holds, when it is of this type.
  virtual void rethrow_if(const Failure& failure) const = 0;

  static inline const KnownException* first = nullptr;
  const KnownException* const next = first;

 protected:
  KnownException() { first = this; }
  ~KnownException() = default;
};

/// The object as it was thrown in the task, and what is known of the task.
template <class E>
class RethrownObject : public E, public TaskFailure {
 public:
  RethrownObject(const E& object, const Failure& failure) : E(object), TaskFailure(failure) {}
};
template <class E>
requires std::is_base_of_v<std::exception, E>
class RethrownObject<E> : public E, public TaskFailure {
 public:
  RethrownObject(const E& object, const Failure& failure) : E(object), TaskFailure(failure) {}
  const char* what() const noexcept override { return message().c_str(); }
};

}  // namespace detail

/// Makes exceptions of type E come back as themselves, members included. One object at namespace scope does it,
/// anywhere in the program:
///
///     struct Diverged { int step; double residual; };
///     static const jobhost::ExceptionType<Diverged> diverged;
///
/// E travels as values do: a plain struct by its fields, a class derived from std::exception by its cereal `serialize`
/// (and then keeps its what()). It is told by its exact type, and must not be final.
template <class E>
class ExceptionType : private detail::KnownException {
  static_assert(sdk::value_travels<E>(), "E cannot travel: make it a plain struct, or give it a cereal serialize");

 public:
  ExceptionType() { sdk::ExceptionWriter::add(writer_); }

 private:
  static constexpr char kMark = '=';  // before the members, which may be none

  /// Members of the exception being handled, in memory from malloc; nothing when it is of another type.
  static unsigned char* write(std::uint64_t& size) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    if (!type || *type != typeid(E)) return nullptr;
    try {
      throw;
    } catch (const E& object) {
      const std::string text = kMark + detail::encoded(object);
      auto* memory = static_cast<unsigned char*>(std::malloc(text.size()));
      if (memory) std::memcpy(memory, text.data(), size = text.size());
      return memory;
    } catch (...) {
      return nullptr;
    }
  }

  void rethrow_if(const detail::Failure& failure) const override {
    if (failure.mangled != typeid(E).name() || failure.object.empty() || failure.object[0] != kMark) return;
    E object{};
    sdk::Reader reader(reinterpret_cast<const unsigned char*>(failure.object.data()) + 1, failure.object.size() - 1);
    sdk::decode(reader, object);
    throw detail::RethrownObject<E>(object, failure);
  }

  sdk::ExceptionWriter writer_{&ExceptionType::write};
};

}  // namespace jobhost
