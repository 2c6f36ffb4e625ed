#include "plugin/fit.hpp"

#include <map>

#include "base/error.hpp"

namespace jobhost::plugin {

void require_fit(const schema::Description& plugin, const std::string& path) {
  const std::map<std::string, bool> here = {
      {"sse3", __builtin_cpu_supports("sse3")},         {"ssse3", __builtin_cpu_supports("ssse3")},
      {"sse4.1", __builtin_cpu_supports("sse4.1")},     {"sse4.2", __builtin_cpu_supports("sse4.2")},
      {"popcnt", __builtin_cpu_supports("popcnt")},     {"avx", __builtin_cpu_supports("avx")},
      {"avx2", __builtin_cpu_supports("avx2")},         {"fma", __builtin_cpu_supports("fma")},
      {"bmi", __builtin_cpu_supports("bmi")},           {"bmi2", __builtin_cpu_supports("bmi2")},
      {"avx512f", __builtin_cpu_supports("avx512f")},   {"avx512dq", __builtin_cpu_supports("avx512dq")},
      {"avx512bw", __builtin_cpu_supports("avx512bw")}, {"avx512vl", __builtin_cpu_supports("avx512vl")}};
  std::string missing;
  for (const auto& feature : plugin.cpu_features) {
    const auto known = here.find(feature);
    if (known == here.end() || !known->second) missing += (missing.empty() ? "" : ", ") + feature;
  }
  if (missing.empty()) return;
  throw base::Error(base::ExitCode::kPluginRefused,
                    "'" + path + "' was compiled for a processor with " + missing + ", which this one lacks",
                    "rebuild it with -march for the least of your machines");
}

}  // namespace jobhost::plugin
