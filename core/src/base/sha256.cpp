// The interface of this one algorithm: EVP reads its configuration and sets up providers first, a millisecond in each
// process. It is deprecated for saying too little about which implementation is wanted.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <fcntl.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/checksum.hpp"
#include "base/env.hpp"
#include "base/file.hpp"
#include "base/hex.hpp"

namespace jobhost::base {
namespace {

template <class Use>
void each_block(Env& env, int fd, const std::string& path, const Use& use) {
  Bytes block(1 << 16);
  for (std::uint64_t offset = 0;;) {
    const ssize_t got = env.pread(fd, block.data(), block.size(), offset);
    if (got < 0) throw_file_error(static_cast<int>(got), "read", path);
    if (got == 0) return;
    use(ByteView(block).first(static_cast<std::size_t>(got)));
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }

Sha256::~Sha256() = default;

void Sha256::add(ByteView bytes) { SHA256_Update(&state_->context, bytes.data(), bytes.size()); }

std::string Sha256::hex() {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &state_->context);
  return to_hex(digest);
}

std::array<unsigned char, 16> sha256_half(ByteView bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(digest, &context);
  std::array<unsigned char, 16> half;
  std::copy_n(digest, half.size(), half.begin());
  return half;
}

std::string sha256_hex(ByteView bytes) {
  Sha256 sha;
  sha.add(bytes);
  return sha.hex();
}

std::string sha256_hex_of_file(Env& env, int fd, const std::string& path) {
  Sha256 sha;
  each_block(env, fd, path, [&](ByteView block) { sha.add(block); });
  return sha.hex();
}

std::pair<std::string, std::string> copy_hashed(Env& env, const File& source, const std::string& folder,
                                                unsigned mode) {
  const std::string fresh = folder + "/" + random_hex(env, 8) + ".tmp";
  Sha256 sha;
  try {
    File copy(env, fresh, O_WRONLY | O_CREAT | O_EXCL, mode);
    each_block(env, source.fd(), source.path(), [&](ByteView block) {
      sha.add(block);
      copy.write(block);
    });
    copy.close();
  } catch (...) {
    env.remove(fresh);
    throw;
  }
  return {fresh, sha.hex()};
}

bool copy_verified(Env& env, const File& source, const std::string& to, unsigned mode, const std::string& sha256) {
  const auto [fresh, found] = copy_hashed(env, source, to.substr(0, to.rfind('/')), mode);
  const int failure = found == sha256 ? env.rename(fresh, to) : 0;
  if (found == sha256 && failure == 0) return true;
  env.remove(fresh);
  if (failure < 0) throw_file_error(failure, "rename to", to);
  return false;
}

}  // namespace jobhost::base
