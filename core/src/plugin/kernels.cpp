#include "base/error.hpp"
#include "base/suggest.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::plugin {

namespace {

const schema::Kernel& only_kernel(const schema::Description& plugin, const std::string& path) {
  constexpr std::size_t kMostListed = 10;
  if (plugin.kernels.size() == 1) return plugin.kernels[0];
  std::string hint = "write one of";
  for (std::size_t i = 0; i < std::min(plugin.kernels.size(), kMostListed); ++i) {
    hint += "\n  " + path + ":" + plugin.kernels[i].name + "   " + plugin.kernels[i].signature;
  }
  throw base::Error(base::ExitCode::kUsage, "'" + path + "' does not say which kernel to run",
                    (plugin.kernels.empty() ? "" : hint + "\n") + "try: jobhost kernels " + path);
}

}  // namespace

const schema::Kernel& find_kernel(const schema::Description& plugin, const std::string& name, const std::string& path) {
  const auto same = [](std::string a, std::string b) {
    std::erase(a, ' ');
    std::erase(b, ' ');
    return a == b;
  };
  std::vector<const schema::Kernel*> overloads;
  std::vector<std::string> names;
  for (const auto& kernel : plugin.kernels) {
    if (same(kernel.name, name)) return kernel;
    if (kernel.name.substr(0, kernel.name.find('(')) == name) overloads.push_back(&kernel);
    names.push_back(kernel.name);
  }
  if (plugin.program && plugin.kernels.empty()) {
    throw base::Error(base::ExitCode::kUsage,
                      "'" + path + "' is a program's module: only the program maps its functions",
                      "a plugin of the same sources: add_job_kernel()");
  }
  if (name.empty()) return only_kernel(plugin, path);
  const std::string see = "try: jobhost kernels " + path;
  if (!overloads.empty()) {
    std::string hint = "write one of";
    for (const auto* kernel : overloads) hint += "\n  '" + kernel->name + "'   " + kernel->signature;
    throw base::Error(base::ExitCode::kUsage, "'" + name + "' is overloaded in " + path, hint + "\n" + see);
  }
  for (const auto& skipped : plugin.skipped) {
    if (skipped.name.substr(0, skipped.name.find('(')) == name) {
      throw base::Error(base::ExitCode::kUsage, "'" + name + "' in " + path + " is not a kernel: " + skipped.reason,
                        see);
    }
  }
  std::string hint;
  if (const auto near = base::nearest(name, names)) {
    for (const auto& kernel : plugin.kernels) {
      if (kernel.name == *near) hint = "did you mean '" + *near + "'?   " + kernel.signature + "\n";
    }
  }
  throw base::Error(base::ExitCode::kUsage, "no kernel '" + name + "' in " + path, hint + see);
}

}  // namespace jobhost::plugin
