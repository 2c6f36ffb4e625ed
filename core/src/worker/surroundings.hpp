#pragma once

#include <string>
#include <vector>

#include "bundle/calling_context.hpp"
#include "worker/control.hpp"

/// Arguments and environment of an executor. They are those of the submission, and only a new program can have them: an
/// executor that was started before they were known starts again. What it is to do stands in a variable of its own.
namespace jobhost::worker {

struct Surroundings {
  std::vector<std::string> arguments, environment;
  friend bool operator==(const Surroundings&, const Surroundings&) = default;
};

/// No core dumps of this process and of those it starts: they would hold what tasks compute and secrets. Whoever wants
/// them sets JOBHOST_CORE_DUMPS; the limit is then what it was.
void forbid_core_dumps();

/// What a context asks for where this process runs. The folders of travelling libraries become LD_LIBRARY_PATH: the
/// loader matches a library without a soname by its file name only.
Surroundings surroundings_of(const bundle::CallingContext& context, const Plan& plan);

/// The secrets that a context passes on, "NAME=VALUE" each, where this process has them.
std::vector<std::string> secrets_of(const bundle::CallingContext& context);

/// What a context that is captured here without wishes will ask for.
Surroundings probable_surroundings(std::vector<std::string> arguments);

/// `orders` for take_orders() of a program with these surroundings, as one more variable.
std::string orders_variable(const std::vector<std::string>& orders);

/// What this executor is to do; no other code of this process sees it then. The first word is a control descriptor.
std::vector<std::string> take_orders();

/// Starts this program again, with the same orders, unless arguments, environment and the stack's limit are those of
/// the context. Does not return then. Throws Error(kPluginRefused) when that limit cannot be had.
void start_again_unless_surrounded(const bundle::CallingContext& context, const Plan& plan,
                                   const std::vector<std::string>& orders);

}  // namespace jobhost::worker
