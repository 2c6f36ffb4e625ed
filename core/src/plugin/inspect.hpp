#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"
#include "schema/type.hpp"

/// Reads plugins as files: nothing here executes a line of them.
namespace jobhost::plugin {

/// What the ELF file of a shared library says.
struct ElfFacts {
  std::string build_id;                // lower-case hexadecimal, "" when absent
  std::string soname;                  // "" when absent
  std::vector<std::string> needed;     // DT_NEEDED, in order
  std::vector<std::string> run_paths;  // RUNPATH, else RPATH; $ORIGIN already replaced
  bool inherited = false;              // they are an RPATH: they hold for what the needed libraries need, too
  std::string schema;                  // contents of the schema section, "" when absent
};

/// Throws Error(kPluginRefused) with one sentence when `path` is missing, no ELF file, for another machine (not 64-bit
/// x86-64), no shared library, or damaged; never reads past the file, whatever its headers claim.
ElfFacts read_elf(base::Env& env, const std::string& path);

/// The same without the schema, the schema alone, the build id alone: a part of the work. Throw as read_elf does.
ElfFacts read_linkage(base::Env& env, const std::string& path);
std::string read_schema(base::Env& env, const std::string& path);
std::string read_build_id(base::Env& env, const std::string& path);

/// The schema; of another ABI version only what every version says: its number, who built it, for which processor.
/// Error(kPluginRefused) when there is none ("… is a shared library, but holds no kernels; build it with
/// add_job_kernel()").
schema::Description parse_schema(const ElfFacts& facts, const std::string& path);

/// read_elf and the parsed schema; Error(kPluginRefused) as well when it is of another ABI version.
schema::Description describe(base::Env& env, const std::string& path);

/// The same for the module of a program; an empty one where an older jobhost made it, without a schema.
schema::Description describe_program(base::Env& env, const std::string& path);

/// One library that the plugin loads with it.
struct Dependency {
  std::string soname;  // as asked for
  std::string path;    // absolute, where the loader would find it; "" when missing
  std::string build_id;
  bool system = false;  // comes with the operating system (/lib, /usr/lib, /lib64): recorded, not shipped
};

/// The closure of DT_NEEDED in load order (dependencies before those that need them), system libraries of system
/// libraries included, found as ld.so would: RUNPATH of the library that asks and of those that asked for it, then the
/// directories of /etc/ld.so.conf and the default ones. LD_LIBRARY_PATH comes first, as given.
std::vector<Dependency> find_dependencies(base::Env& env, const std::string& path, const std::string& ld_library_path);

/// The kernel called `name`, or the only one where that is "". An overloaded name without its parameter list, or an
/// unknown one, is Error(kUsage) with the nearest names and their signatures ("did you mean 'estimate_pi'?   double
/// estimate_pi(…)").
const schema::Kernel& find_kernel(const schema::Description& plugin, const std::string& name, const std::string& path);

}  // namespace jobhost::plugin
