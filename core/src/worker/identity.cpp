#include "worker/identity.hpp"

#include <link.h>

#include <algorithm>

#include "base/error.hpp"
#include "plugin/elf_file.hpp"
#include "plugin/system_directories.hpp"

namespace jobhost::worker {
namespace {

struct LoadedFile {
  std::string path, build_id;
};

std::string build_id_of(const dl_phdr_info& info) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* notes = reinterpret_cast<const unsigned char*>(info.dlpi_addr + segment.p_vaddr);
    if (const std::string id = plugin::build_id_in({notes, segment.p_memsz}); !id.empty()) return id;
  }
  return "";
}

/// In the order in which they were loaded; without the program itself and what the kernel provides.
std::vector<LoadedFile> loaded_files() {
  std::vector<LoadedFile> files;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        const std::string path = info->dlpi_name;
        if (path.find('/') != std::string::npos) {
          static_cast<std::vector<LoadedFile>*>(into)->push_back({path, build_id_of(*info)});
        }
        return 0;
      },
      &files);
  return files;
}

std::vector<LoadedFile> staged_files(const bundle::Manifest& manifest, const Plan& plan) {
  std::vector<LoadedFile> staged;
  for (std::size_t i = 0; i < plan.libraries.size(); ++i) {
    staged.push_back({plan.libraries[i], manifest.libraries.at(i).build_id});
  }
  staged.push_back({plan.plugin, manifest.plugin.build_id});
  return staged;
}

[[noreturn]] void refuse(const std::string& what) {
  throw base::Error(
      base::ExitCode::kPluginRefused, what,
      "link it with -Wl,-soname,NAME and without -Wl,--disable-new-dtags, so that the job's copy is found");
}

}  // namespace

void verify_loaded(const bundle::Manifest& manifest, const Plan& plan) {
  const auto files = loaded_files();
  const auto staged = staged_files(manifest, plan);
  const auto with_path = [](const auto& list, const std::string& path) {
    return std::find_if(list.begin(), list.end(), [&](const auto& other) { return other.path == path; });
  };
  for (const auto& wanted : staged) {
    const auto file = with_path(files, wanted.path);
    if (file == files.end()) refuse("'" + wanted.path + "' is not what the loader took");
    if (file->build_id != wanted.build_id) {
      refuse("'" + wanted.path + "' was loaded with build id " + file->build_id + " instead of " + wanted.build_id);
    }
  }
  // What was loaded before the first of them belongs to the executor.
  const auto begin = std::find_if(files.begin(), files.end(),
                                  [&](const auto& file) { return with_path(staged, file.path) != staged.end(); });
  for (auto file = begin; file != files.end(); ++file) {
    if (with_path(staged, file->path) != staged.end() || plugin::belongs_to_system(file->path) ||
        with_path(manifest.system_libraries, file->path) != manifest.system_libraries.end()) {
      continue;
    }
    refuse("the loader took '" + file->path + "', which is no part of the job");
  }
}

}  // namespace jobhost::worker
