#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "bundle/pack.hpp"
#include "schema/type.hpp"

/// Rows of a file as inputs, one task a row; columns bind to parameters by name.
namespace jobhost::cli {

/// Called once the columns are known, with the parameters (by index) that the file has, in order; returns the writer.
using OpenPack = std::function<bundle::PackWriter&(const std::vector<std::uint32_t>& parameters)>;

/// Reads all of `path` ("-": standard input), writes every row, and returns the SHA-256 of what was read. Nothing is
/// kept in memory. Throws Error(kUsage): "data.csv line 501, column 'x': 'abc' is not an int". `separator` is a comma,
/// or a tab.
std::string read_csv(base::Env& env, const std::string& path, char separator, const schema::Kernel& kernel,
                     const OpenPack& open);
std::string read_jsonl(base::Env& env, const std::string& path, const schema::Kernel& kernel, const OpenPack& open);

/// `unbound`: parameters that have no value yet; a plain array's columns are theirs in order.
std::string read_npy(base::Env& env, const std::string& path, const schema::Kernel& kernel,
                     const std::vector<std::uint32_t>& unbound, const OpenPack& open);

/// As messages name it.
std::string name_of_file(const std::string& path);
/// A file that is there as a whole, in contrast to a FIFO or a device. Throws Error(kUsage).
base::File open_regular(base::Env& env, const std::string& path);

/// Calls `line` with every line of the file, its end included where it has one; returns the SHA-256 of the file.
std::string for_each_line(base::Env& env, const std::string& path, const std::function<void(std::string_view)>& line);

/// Which parameter a column's name stands for; -1 for a column of results ("task", "result", "error", …, and what
/// belongs to them), which is passed over so that output can be input again. Throws Error(kUsage) for any other name.
int parameter_of(const schema::Kernel& kernel, const std::string& column, const std::string& path);

}  // namespace jobhost::cli
