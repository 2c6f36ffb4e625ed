#include <algorithm>

#include "jobhost/sdk/abi.h"
#include "plugin/elf_file.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::plugin {
namespace {

constexpr std::uint64_t kLargestSchema = 16ULL << 20;

/// Puts `value` in place of `word` in all of `text`, once: what the value holds stays.
void replace_all(std::string& text, const std::string& word, const std::string& value) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size()) {
    text.replace(at, word.size(), value);
  }
}

void split_paths(const std::string& text, const std::string& origin, std::vector<std::string>& paths) {
  for (std::size_t begin = 0; begin <= text.size();) {
    std::size_t end = text.find(':', begin);
    if (end == std::string::npos) end = text.size();
    std::string path = text.substr(begin, end - begin);
    for (const char* word : {"${LIB}", "$LIB"}) replace_all(path, word, "lib/x86_64-linux-gnu");
    for (const char* word : {"${ORIGIN}", "$ORIGIN"}) replace_all(path, word, origin);
    if (!path.empty()) paths.push_back(std::move(path));
    begin = end + 1;
  }
}

void read_dynamic(const ElfFile& file, ElfFacts& facts) {
  const DynamicTable table(file);
  facts.needed = table.texts(DT_NEEDED);
  const auto first = [&](std::int64_t tag) {
    const auto offset = table.value(tag);
    return offset ? table.text(*offset) : std::string();
  };
  facts.soname = first(DT_SONAME);
  const std::string runpath = first(DT_RUNPATH);
  const std::string path = base::absolute_path(file.path());  // what is relative counts for nothing in a RUNPATH
  facts.inherited = runpath.empty();
  split_paths(runpath.empty() ? first(DT_RPATH) : runpath, path.substr(0, path.rfind('/')), facts.run_paths);
}

/// Runs `read` on the file; what the file system has against it becomes a refusal as well.
template <class Read>
auto opened(base::Env& env, const std::string& path, Read read) {
  try {
    return read(ElfFile(env, path));
  } catch (const base::Error& error) {
    if (error.code() == base::ExitCode::kPluginRefused) throw;
    throw refusal(path, std::string("cannot be read: ") + error.what());
  }
}

}  // namespace

ElfFacts read_elf(base::Env& env, const std::string& path) {
  if (!base::exists(env, path)) {
    throw refusal(path, "does not exist", "build the plugin first: cmake -B b && cmake --build b");
  }
  return opened(env, path, [](const ElfFile& file) {
    ElfFacts facts;
    facts.build_id = file.build_id();
    read_dynamic(file, facts);
    if (const auto schema = file.section(JOBHOST_SCHEMA_SECTION, kLargestSchema)) {
      facts.schema = base::as_text(*schema);
    }
    return facts;
  });
}

ElfFacts read_linkage(base::Env& env, const std::string& path) {
  return opened(env, path, [](const ElfFile& file) {
    ElfFacts facts;
    facts.build_id = file.build_id();
    read_dynamic(file, facts);
    return facts;
  });
}

std::string read_schema(base::Env& env, const std::string& path) {
  return opened(env, path, [](const ElfFile& file) {
    const auto schema = file.section(JOBHOST_SCHEMA_SECTION, kLargestSchema);
    return schema ? std::string(base::as_text(*schema)) : std::string();
  });
}

std::string read_build_id(base::Env& env, const std::string& path) {
  return opened(env, path, [](const ElfFile& file) { return file.build_id(); });
}

schema::Description parse_schema(const ElfFacts& facts, const std::string& path) {
  if (facts.schema.empty()) {
    throw refusal(path, "is a shared library, but holds no kernels", "build it with add_job_kernel()");
  }
  const auto head = schema::parse_requirements(facts.schema, path);
  if (head.abi < 0 || head.abi == JOBHOST_ABI) return schema::parse_description(facts.schema, path);
  schema::Description description;  // what else it says, it says in the words of another version
  description.abi = head.abi;
  description.jobhost = head.jobhost;
  description.cpu_features = head.cpu_features;
  return description;
}

schema::Description describe(base::Env& env, const std::string& path) {
  auto description = parse_schema(read_elf(env, path), path);
  if (description.abi == JOBHOST_ABI) return description;
  throw schema::other_abi({description.abi, description.jobhost, {}}, path);
}

schema::Description describe_program(base::Env& env, const std::string& path) {
  const std::string schema = read_schema(env, path);
  return schema.empty() ? schema::Description() : schema::parse_description(schema, path);
}

}  // namespace jobhost::plugin
