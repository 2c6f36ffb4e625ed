#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"

/// From a source file to a plugin without CMake: preprocesses, scans, compiles, and keeps what came out.
namespace jobhost::build {

/// What plugins are built with, besides the compiler.
struct Toolchain {
  std::string scanner;  // jobhost-scan
  std::string include;  // folder of jobhost/sdk
  std::string cache;    // private folder for what is built
};

/// A source file and how to compile it.
struct Source {
  std::string path;
  std::string named;                      // for messages: "'pi.cpp'", "the expression 'x+y'"
  std::string hint;                       // when it does not build
  std::vector<std::string> flags = {};    // for the compiler
  std::vector<std::string> link = {};     // libraries: "gsl", a path, or a linker's option
  std::vector<std::string> globals = {};  // declared as part of the calling context
  bool verbose = false;                   // print the commands to standard error
  bool announced = false;                 // or say there that something is compiled
};

/// The plugin made from a C++ or C file; from the cache when the preprocessed text, flags, files that flags name,
/// globals, compiler and toolchain are those of an earlier build. When all files that went in are as they were, not
/// even the preprocessor runs. A line `// jobhost: FLAGS` in the source adds flags; those that begin with -l or -L go
/// to the linker. The compiler is $CXX, else g++ ($CC, else gcc, for C). It speaks to standard error. What changes
/// during a build is built again. Throws Error(kPluginRefused) when it fails or changes all the time, Error(kUsage)
/// when there is no such file.
std::string build_plugin(base::Env& env, const Toolchain& toolchain, const Source& source);

/// What a source file could be asked for, found without compiling it.
struct Names {
  struct Function {
    std::string name;
    std::vector<std::string> parameters;
  };
  std::vector<Function> functions;
  std::vector<std::string> variables;
};
/// Throws as build_plugin does.
Names names_in(base::Env& env, const Toolchain& toolchain, const Source& source);

/// A file that holds the expression as a function `expression` of the variables in it, all double, kept in the cache.
/// <cmath> and <algorithm> can be used unqualified, and pi. Throws Error(kUsage) when there is no variable.
std::string expression_source(base::Env& env, const Toolchain& toolchain, const std::string& expression);

/// Words of a line as a shell splits it: blanks separate, quotes and backslashes protect.
std::vector<std::string> split_words(const std::string& line);

/// True for names that end like C++ or C sources.
bool is_source(const std::string& path);

}  // namespace jobhost::build
