// Capsules as archives.
#include "cli/tar_reader.hpp"
#include "harness.hpp"

using namespace jobhost;
using base::ExitCode;

namespace {

constexpr std::size_t kBlock = 512, kSize = 124, kChecksum = 148, kMagic = 257;

/// Makes checksums and magic right where a member begins, so that what lies behind them is reached.
void seal(base::Bytes& archive) {
  for (std::size_t at = 0; at + kBlock <= archive.size();) {
    const auto header = std::span(archive).subspan(at, kBlock);
    if (std::all_of(header.begin(), header.end(), [](unsigned char byte) { return byte == 0; })) return;
    std::memcpy(header.data() + kMagic, "ustar\00000", 8);
    std::fill_n(header.begin() + kChecksum, 8, ' ');
    unsigned sum = 0;
    for (const unsigned char byte : header) sum += byte;
    std::snprintf(reinterpret_cast<char*>(header.data()) + kChecksum, 8, "%06o", sum);
    std::size_t size = 0;
    for (std::size_t i = kSize; i < kSize + 12 && header[i] >= '0' && header[i] <= '7'; ++i) {
      size = size * 8 + (header[i] - '0');
    }
    at += kBlock + (size + kBlock - 1) / kBlock * kBlock;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool sealed = (input.byte() & 1) == 0;
  base::Bytes archive = input.copy();
  if (sealed) seal(archive);
  fuzz::MemoryEnv env;
  env.put("capsule", archive);
  fuzz::accepts({ExitCode::kDamaged}, [&] { cli::unpack_tar(env, "capsule", "folder"); });
  return 0;
}
