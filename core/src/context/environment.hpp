#pragma once

#include <string>
#include <vector>

#include "bundle/calling_context.hpp"

/// Which environment variables belong to a calling context.
namespace jobhost::context {

/// What becomes of a variable of the submitting process.
enum class Travel {
  kCaptured,  // its value is part of the context: what is known to steer programs and libraries of scientists
  kWithheld,  // tasks do not see it
  kOfMachine  // it says something of the machine or its scheduler: tasks see the value where they run
};
Travel travel_of(const std::string& name);

/// True for a name or value that looks like a password, key or token. Such a value is never written down.
bool looks_secret(const std::string& name, const std::string& value);

/// Fills in environment, withheld and secret from `variables` ("NAME=value"). `asked`: further variables that travel,
/// NAME or NAME=VALUE. Throws Error(kUsage) for a NAME that is not set, and for a VALUE of a name that looks secret.
void capture_environment(const std::vector<std::string>& variables, const std::vector<std::string>& asked,
                         bundle::CallingContext& context);

/// "NAME=value", in order of names, of a process where tasks of this context run; `here`: variables of its parent.
std::vector<std::string> restored_environment(const bundle::CallingContext& context,
                                              const std::vector<std::string>& here);

/// Of this process.
std::vector<std::string> own_environment();

}  // namespace jobhost::context
