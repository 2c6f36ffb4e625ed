#include "base/checksum.hpp"
#include "bundle/pack_reader.hpp"

namespace jobhost::bundle {

void verify_packs(base::Env& env, const std::string& job_directory, const Inputs& inputs,
                  const schema::Kernel& kernel) {
  for (std::uint32_t number = 0; number < inputs.packs.size(); ++number) {
    const Pack& pack = inputs.packs[number];
    const PackReader reader(env, job_directory, pack, column_sizes(number, inputs, kernel));
    if (base::sha256_hex(reader.index()) == pack.index_sha256) continue;
    throw base::Error(base::ExitCode::kDamaged,
                      "the inputs in '" + job_directory + "/" + pack.file + "' are not those that were submitted",
                      "submit the job again");
  }
}

}  // namespace jobhost::bundle
