#include "base/checksum.hpp"
#include "bundle/pack_reader.hpp"

namespace jobhost::bundle {

void verify_pack(base::Env& env, const std::string& job_directory, const Pack& pack,
                 const std::vector<std::uint64_t>& columns) {
  const PackReader reader(env, job_directory, pack, columns);
  if (base::sha256_hex(reader.index()) != pack.index_sha256) {
    throw base::Error(base::ExitCode::kDamaged,
                      "the inputs in '" + job_directory + "/" + pack.file + "' are not those that were submitted");
  }
}

}  // namespace jobhost::bundle
