// Compiled into every program that add_job_program() makes: what its module says to the runtime, and to workers.
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <any>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <optional>
#include <typeinfo>
#include <variant>

#include "jobhost/detail/callable.hpp"
#include "jobhost/exception.hpp"
#include "jobhost/options.hpp"

extern "C" const char _end __attribute__((visibility("hidden")));  // of this module, by the linker

namespace jobhost::detail {
namespace {

Runtime* current = nullptr;
std::atomic<bool> restored{false};  // the registered globals, in this process

/// The build id of a loaded library in hexadecimal, or "".
std::string build_id_of(const dl_phdr_info& library) {
  for (unsigned i = 0; i < library.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = library.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* at = reinterpret_cast<const unsigned char*>(library.dlpi_addr + segment.p_vaddr);
    const auto* const end = at + segment.p_memsz;
    const auto padded = [](std::uint64_t size) { return (size + 3) / 4 * 4; };
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      __builtin_memcpy(&note, at, sizeof note);
      const unsigned char* const id = at + sizeof note + padded(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID) {
        std::string text;
        for (unsigned k = 0; k < note.n_descsz; ++k) {
          text += "0123456789abcdef"[id[k] >> 4];
          text += "0123456789abcdef"[id[k] & 15];
        }
        return text;
      }
      at = id + padded(note.n_descsz);
    }
  }
  return "";
}

/// What is looked for among the loaded libraries, by the one or the other, and what is found.
struct Search {
  const void* base = nullptr;
  std::string build_id = {};
  bool found = false;
};

int look_at(dl_phdr_info* library, std::size_t, void* data) {
  Search& search = *static_cast<Search*>(data);
  if (search.base) {
    // The address that dladdr gives: that of the file's first byte.
    for (unsigned i = 0; i < library->dlpi_phnum && !search.found; ++i) {
      const ElfW(Phdr)& segment = library->dlpi_phdr[i];
      search.found = segment.p_type == PT_LOAD && segment.p_offset == 0 &&
                     reinterpret_cast<const void*>(library->dlpi_addr + segment.p_vaddr) == search.base;
    }
    if (search.found) search.build_id = build_id_of(*library);
  } else if (build_id_of(*library) == search.build_id) {
    search.found = true;
    search.base = reinterpret_cast<const void*>(library->dlpi_addr);
  }
  return search.found ? 1 : 0;
}

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

Place place_of(const void* function) {
  const std::uint64_t address = reinterpret_cast<std::uint64_t>(function), own = module_base();
  if (address >= own && address < reinterpret_cast<std::uint64_t>(&_end)) return {"", address - own};
  Dl_info info{};
  if (::dladdr(function, &info) == 0) throw std::invalid_argument("this is not the address of a function");
  const auto base = reinterpret_cast<std::uint64_t>(info.dli_fbase);
  // A library's exported function. What it picked for this machine's processor (sin, memcpy) has no name of its own.
  Search search{info.dli_fbase};
  ::dl_iterate_phdr(&look_at, &search);
  if (info.dli_saddr != function || search.build_id.empty()) {
    throw std::invalid_argument(std::string("a function of '") + info.dli_fname +
                                "' cannot be found again in workers: wrap it in a lambda");
  }
  return {search.build_id, address - base};
}

const void* function_at(const Place& place) {
  if (place.library.empty()) return reinterpret_cast<const void*>(module_base() + place.offset);
  Search search{nullptr, place.library};
  ::dl_iterate_phdr(&look_at, &search);
  if (search.found) return static_cast<const char*>(search.base) + place.offset;
  throw std::runtime_error("the library with build id " + place.library + ", whose function is called, is not loaded");
}

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
  if (restored.load(std::memory_order_acquire)) return;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (restored.load(std::memory_order_relaxed)) return;
  const sdk::Encoded column = sdk::value_of(captured, 0);
  sdk::Reader reader(column.data, column.size);
  reader.size();
  for (const KnownGlobal* known = KnownGlobal::first; known; known = known->next) known->restore(reader);
  restored.store(true, std::memory_order_release);
}

}  // namespace jobhost::detail

namespace jobhost {

std::function<void(const Progress&)> progress_line() {
  return [terminal = ::isatty(2) == 1](const Progress& progress) {
    const bool over = progress.done >= progress.tasks;
    if (!terminal && !over) return;
    const double done = static_cast<double>(progress.done), tasks = static_cast<double>(progress.tasks);
    std::fprintf(stderr, "%s%.0f/%.0f", terminal ? "\r\033[K" : "", done, tasks);
    if (progress.tasks > 0) std::fprintf(stderr, " %.0f%%", 100 * done / tasks);
    std::fprintf(stderr, " %.1f s", progress.seconds);
    if (!over && progress.done > 0) std::fprintf(stderr, ", %.0f s left", progress.seconds * (tasks - done) / done);
    if (over) std::fputc('\n', stderr);
    std::fflush(stderr);
  };
}

}  // namespace jobhost

void jobhost_set_runtime(jobhost::detail::Runtime* runtime) { jobhost::detail::current = runtime; }

jobhost_entry jobhost_entry_at(std::uint64_t offset) {
  using jobhost::detail::Registration;
  for (const Registration* known = Registration::first; known; known = known->next) {
    if (reinterpret_cast<std::uint64_t>(known->entry) == jobhost::detail::module_base() + offset) return known->entry;
  }
  return nullptr;
}

void jobhost_registered_globals(void (*take)(void* context, const void* data, uint64_t size), void* context) {
  using jobhost::detail::KnownGlobal;
  take(context, &jobhost::detail::restored, sizeof jobhost::detail::restored);  // it is no news that this changes
  for (const KnownGlobal* known = KnownGlobal::first; known; known = known->next) {
    take(context, known->data(), known->size());
  }
}

void jobhost_forget_globals() { jobhost::detail::restored.store(false); }
