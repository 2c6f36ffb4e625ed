#include "host/captured.hpp"

#include <algorithm>

#include "host/code.hpp"
#include "plugin/inspect.hpp"
#include "schema/value.hpp"

namespace jobhost::host {
namespace {

schema::Description description_of(base::Env& env, const Job& job, const bundle::Blob& code) {
  try {
    const std::string path = sound_code(env, job.directory, code);
    const std::string schema = plugin::read_schema(env, path);
    return schema.empty() ? schema::Description() : schema::parse_description(schema, path);
  } catch (const base::Error&) {
    return {};
  }
}

Captured captured(const std::string& name, const std::string& library, const schema::Type* type, base::ByteView value) {
  Captured one{name, library, std::nullopt, value};
  if (type && schema::encoded_size(*type, value) == value.size()) one.type = *type;
  return one;
}

std::optional<schema::Kernel> function_of(const schema::Description& description, const std::string& symbol) {
  for (const auto& kernel : description.kernels) {
    if (kernel.symbol == symbol) return kernel;
    for (const std::size_t count : kernel.fewer) {
      if (auto shorter = schema::with_fewer(kernel, count); shorter.symbol == symbol) return shorter;
    }
  }
  return std::nullopt;
}

}  // namespace

Descriptions descriptions_of(base::Env& env, const Job& job) {
  const auto& manifest = job.manifest;
  Descriptions found{description_of(env, job, manifest.plugin), {}};
  for (const auto& library : manifest.libraries) {
    auto description = description_of(env, job, library);
    if (description.abi >= 0) found.libraries.emplace(library.name, std::move(description));
  }
  return found;
}

std::vector<Captured> captured_globals(const bundle::Manifest& manifest, const Descriptions& descriptions) {
  std::vector<Captured> values;
  for (const auto& global : manifest.globals) {
    const auto library = descriptions.libraries.find(global.library);
    const schema::Description* of = global.library.empty()                    ? &descriptions.plugin
                                    : library == descriptions.libraries.end() ? nullptr
                                                                              : &library->second;
    const schema::Type* type = nullptr;
    if (of) {
      const auto known = std::find_if(of->globals.begin(), of->globals.end(),
                                      [&](const auto& variable) { return variable.name == global.name; });
      if (known != of->globals.end()) type = &known->type;
    }
    values.push_back(captured(global.name, global.library, type, global.value));
  }
  return values;
}

std::vector<Captured> initialiser_arguments(const bundle::Manifest& manifest, const Descriptions& descriptions) {
  const auto& init = manifest.init;
  const auto function = function_of(descriptions.plugin, init.symbol);
  if (!function || function->parameters.size() != init.ends.size()) return {};
  std::vector<Captured> values;
  std::uint64_t begin = 0;
  for (std::size_t p = 0; p < init.ends.size(); ++p) {
    const std::uint64_t end = init.ends[p];
    if (end < begin || end > init.arguments.size()) return {};
    const auto& [name, type, in_out] = function->parameters[p];
    values.push_back(captured(name, "", &type, base::ByteView(init.arguments).subspan(begin, end - begin)));
    begin = end;
  }
  return values;
}

}  // namespace jobhost::host
