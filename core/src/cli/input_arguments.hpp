#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/manifest.hpp"
#include "schema/type.hpp"

namespace jobhost::cli {

/// One NAME=… of the command line, and what the text behind the sign is.
struct Assignment {
  enum class Form {
    kSpec,      // "1,2,5", "0..10..0.5", "@rows.npy"; with ":=" literal text
    kLinspace,  // "0:1:11": so many points, both ends included
    kLogspace,  // the same with a constant ratio
    kCommon,    // one value of any size, or "@file"
  };
  Assignment(std::string words, Form how = Form::kSpec) : text(std::move(words)), form(how) {}
  Assignment(const char* words) : text(words) {}
  std::string text;
  Form form = Form::kSpec;
};

/// One ":::" list of words; a linked one (":::+") is paired with the list before it.
struct WordList {
  std::vector<std::string> words;
  bool linked = false;
};

/// A file of rows as inputs, one task a row.
struct RowFile {
  enum class Format { kCsv, kTsv, kJsonl, kNpy };
  std::string path;  // "-": standard input
  Format format = Format::kCsv;
};

/// The input words of `jobhost run`, already separated from its options.
struct InputArguments {
  std::vector<Assignment> assignments = {};  // in order
  std::vector<WordList> positional = {};
  bool zip = false;  // pair the NAME=SPEC lists element by element
  std::optional<RowFile> rows = std::nullopt;
  std::optional<std::uint64_t> seed = std::nullopt;    // fills the parameter called seed with a random number per task
  std::uint64_t repeat = 1;                            // every point so many times
  std::optional<std::uint64_t> sample = std::nullopt;  // points of a Latin hypercube over the NAME=A:B
  bool hash_files = false;                             // which values name are recorded, too
};

/// What --seed gives numbers to.
bool is_seed(const schema::Parameter& parameter);

/// Turns the words into a recipe that fits `kernel`. Values read from files and lists too long for a recipe go through
/// packs written into `job_directory` (already existing). Nothing of the plugin is executed. Throws Error(kUsage) that
/// names the parameter, or file, row (1-based line of the file) and column, the value and the type that was wanted.
/// Parameters at the end that have defaults may stay without a value: `kernel` is then the one with fewer parameters.
/// `files` gets every file that was read, by the name that was typed ("-": standard input), with its digest.
bundle::Inputs make_inputs(base::Env& env, const InputArguments& arguments, schema::Kernel& kernel,
                           const std::string& job_directory, std::vector<bundle::InputFile>* files = nullptr);

}  // namespace jobhost::cli
