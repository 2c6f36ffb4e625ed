#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace jobhost::schema {

enum class Kind : std::uint8_t {
  kVoid,         // no value, zero bytes
  kBool,         // one byte, 0 or 1
  kChar,         // one byte, a character
  kInteger,      // `width` bytes, little-endian, two's complement when `is_signed`
  kFloating,     // `width` bytes: 4, 8 or 16 (x87 long double, padding zero)
  kString,       // u64 length, bytes
  kEnumeration,  // as its underlying integer
  kVector,       // u64 count, items
  kArray,        // `count` items
  kMap,          // u64 count, (key, value) pairs
  kOptional,     // one byte: 1 = no value, 0 = a value follows (cereal's order)
  kTuple,        // items (std::pair and std::tuple)
  kRecord,       // fields in order (a plain aggregate)
  kPointer,      // one byte: 0 = null, 1 = a value follows (std::unique_ptr, cereal's order)
  kVariant,      // i32 index, then the value of that alternative
  kJson,         // u64 length, JSON text: a class that only cereal can serialise
};

/// The description of a C++ type as its plugin's schema states it; the bytes equal cereal's binary archive.
struct Type {
  Kind kind = Kind::kVoid;
  std::uint8_t width = 0;           // integers, floating, enumerations: bytes; strings: of every value, 0: varies
  bool is_signed = false;           // integers, enumerations
  std::uint64_t count = 0;          // arrays: number of items
  std::string name;                 // enumerations, records and JSON: C++ name
  std::vector<Type> items;          // vector, array, optional, pointer: one; map: key, value; else one per field
  std::vector<std::string> fields;  // records: names, as many as items

  friend bool operator==(const Type&, const Type&) = default;
};

/// Bytes of every encoded value of this type, or nothing when the size varies from value to value.
std::optional<std::uint64_t> fixed_size(const Type& type);

/// Whether it is a number, a truth value, an enumeration, a character or text.
bool is_scalar(const Type& type);

/// C++ spelling for people: "int", "std::uint64_t", "std::vector<double>", "Point".
std::string cpp_name(const Type& type);

struct Parameter {
  std::string name;
  Type type;
  bool in_out = false;  // the kernel may change it: its value belongs to the result
  friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// One kernel of a plugin, as described by the schema section.
struct Kernel {
  std::string name;       // what the user types: "estimate_pi", "ns::g", "g(double)" for one of several overloads
  std::string symbol;     // of the jobhost_entry function
  std::string signature;  // C++ text: "double estimate_pi(std::uint64_t seed, int samples)"
  std::string file;       // as the compiler was given it
  int line = 0;           // 1-based; 0 when not known
  std::string doc;        // the comment above it, or ""
  std::vector<Parameter> parameters;
  std::size_t own = 0;             // so many of them, at the front, are for the runtime of programs and not shown
  std::vector<std::size_t> fewer;  // counts of arguments it may be called with as well, the rest having defaults
  Type result;
  friend bool operator==(const Kernel&, const Kernel&) = default;
};

/// The kernel without its own parameters.
Kernel as_shown(const Kernel& kernel);

/// The kernel as it is when called with the first `count` parameters only: its symbol is "<symbol>_<count>".
Kernel with_fewer(const Kernel& kernel, std::size_t count);

/// A global variable that can be given a value before the first task.
struct Variable {
  std::string name;    // "ns::alpha"
  std::string symbol;  // of the jobhost_set_global function
  Type type;
  std::string getter = {};  // symbol of the jobhost_get_global function; "" in plugins of older scanners
  bool declared = false;    // its value belongs to the calling context
  std::string file = {};    // as the compiler was given it, "" when not known
  int line = 0;
};

/// A function of the source that cannot be a kernel, and why: "parameter 'f' of type FILE* cannot travel".
struct Skipped {
  std::string name, reason, file;
  int line = 0;
};

/// All that a plugin says of itself.
struct Description {
  int abi = -1;
  std::string jobhost;                    // the version that it was built by, "" when not known
  std::string compiler;                   // "g++ 12.2.0"
  std::string commit;                     // of the source's repository when it was built, "" outside of one
  bool dirty = false;                     // that had changes which were not committed
  std::vector<std::string> cpu_features;  // the code was compiled to need: "avx2", "fma"
  bool program = false;                   // the module of a program: only the program knows its functions
  std::vector<Kernel> kernels;
  std::vector<Variable> globals;
  std::vector<Skipped> skipped;
};

/// What a plugin wants of the machine and the jobhost that load it.
struct Requirements {
  int abi = -1;         // -1: it does not say
  std::string jobhost;  // the version that it was built by, "" when not known
  std::vector<std::string> cpu_features;
};

/// These alone, from the text of a schema section, at a small part of parse_description's cost; "" has none. Throws as
/// parse_description does, but only for what it comes across.
Requirements parse_requirements(const std::string& json, const std::string& where);

/// Why what was built for another version of the plugin ABI than this jobhost's is refused.
base::Error other_abi(const Requirements& requirements, const std::string& where);

/// Reads the JSON document of a schema section. Throws Error(kPluginRefused) with a sentence when it is of another ABI,
/// malformed, nests deeper than 64 types or names something unknown. `where` (a path) is for the message.
Description parse_description(const std::string& json, const std::string& where);

/// A type to and from the JSON of a schema. `type_from_json` throws like parse_description.
std::string type_to_json(const Type& type);
Type type_from_json(const std::string& json, const std::string& where);

/// Kernel to and from JSON text, as MANIFEST keeps it. `kernel_from_json` throws like parse_description.
std::string kernel_to_json(const Kernel& kernel);
Kernel kernel_from_json(const std::string& json, const std::string& where);

}  // namespace jobhost::schema
