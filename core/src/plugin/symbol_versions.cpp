#include "plugin/symbol_versions.hpp"

#include <algorithm>
#include <cstring>

#include "plugin/elf_file.hpp"

namespace jobhost::plugin {
namespace {

constexpr std::uint64_t kMostRecords = 4096;  // of a file; libc has 40

/// Calls `visit(record, offset)` for the records of a chain, each of which says how far the next one is behind it.
/// `left`: so many records the file may still have.
template <class Record, class Visit>
void for_chain(const ElfFile& file, std::uint64_t offset, std::uint64_t count, std::uint32_t Record::*next,
               std::uint64_t& left, Visit visit) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (left-- == 0) throw refusal(file.path(), "is a damaged ELF file");
    const auto record = file.value_at<Record>(offset);
    visit(record, offset);
    if (record.*next == 0) return;
    offset += record.*next;
  }
}

std::string family_of(const std::string& version) { return version.substr(0, version.find_last_of('_') + 1); }

}  // namespace

std::vector<NeededVersions> needed_versions(base::Env& env, const std::string& path) {
  std::vector<NeededVersions> needed;
  const ElfFile file(env, path);
  const DynamicTable table(file);
  const auto address = table.value(DT_VERNEED);
  if (!address) return needed;
  std::uint64_t left = kMostRecords;
  for_chain(file, file.offset_of(*address), table.value(DT_VERNEEDNUM).value_or(0), &Elf64_Verneed::vn_next, left,
            [&](const Elf64_Verneed& library, std::uint64_t offset) {
              auto& versions = needed.emplace_back(NeededVersions{table.text(library.vn_file), {}}).versions;
              for_chain(file, offset + library.vn_aux, library.vn_cnt, &Elf64_Vernaux::vna_next, left,
                        [&](const Elf64_Vernaux& version, std::uint64_t) {
                          if (version.vna_flags & VER_FLG_WEAK) return;
                          versions.push_back(table.text(version.vna_name));
                        });
            });
  return needed;
}

std::vector<std::string> provided_versions(base::Env& env, const std::string& path) {
  std::vector<std::string> provided;
  const ElfFile file(env, path);
  const DynamicTable table(file);
  const auto address = table.value(DT_VERDEF);
  if (!address) return provided;
  std::uint64_t left = kMostRecords;
  for_chain(file, file.offset_of(*address), table.value(DT_VERDEFNUM).value_or(0), &Elf64_Verdef::vd_next, left,
            [&](const Elf64_Verdef& version, std::uint64_t offset) {
              if (version.vd_cnt == 0) return;
              provided.push_back(table.text(file.value_at<Elf64_Verdaux>(offset + version.vd_aux).vda_name));
            });
  return provided;
}

std::string newest_like(const std::string& version, const std::vector<std::string>& provided) {
  const std::string family = family_of(version);
  std::string newest;
  for (const auto& other : provided) {
    if (family.empty() || family_of(other) != family || other == family + "PRIVATE") continue;
    if (newest.empty() || ::strverscmp(other.c_str(), newest.c_str()) > 0) newest = other;
  }
  return newest;
}

}  // namespace jobhost::plugin
