#pragma once

#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include "base/error.hpp"
#include "host/submission.hpp"
#include "jobhost/detail/runtime.hpp"
#include "jobhost/options.hpp"
#include "schema/type.hpp"

/// The program that this runtime is part of, as a plugin whose entries are found by their offsets.
namespace jobhost::api {

/// The library that holds the address, and where it was loaded. Throws std::invalid_argument.
Dl_info library_of(const void* address);

/// The library with the program's own code.
Dl_info program_module();

/// Path of jobhost itself, whose `worker` command workers run: it is installed with this library.
std::string jobhost_program();

/// What users' programs catch.
std::runtime_error in_words(const base::Error& error);

/// Runs f; what it throws as Error is thrown as std::invalid_argument where the caller is to blame, else as
/// std::runtime_error.
template <class F>
auto in_users_words(const F& f) {
  try {
    return f();
  } catch (const base::Error& error) {
    if (error.code() == base::ExitCode::kUsage) throw std::invalid_argument(error.what());
    throw in_words(error);
  }
}

/// A type as the headers write it.
schema::Type type_of(const std::string& json);

/// A call as a kernel: its entry is the symbol "+1a2b".
schema::Kernel kernel_of(const detail::Call& call);

std::uint64_t offset_in_program(const void* address);

/// Everything of a job but its inputs. `globals`: the program's, as captured. Throws std::invalid_argument for what the
/// options cannot mean.
host::JobSpec spec_of(const Options& options, const schema::Kernel& kernel, const std::string& globals);

/// What the job's workers noted goes to where the options say.
void pass_on_notes(base::Env& env, const host::Job& job, const Options& options);

}  // namespace jobhost::api
