#include <fcntl.h>
#include <openssl/evp.h>

#include <memory>

#include "base/checksum.hpp"
#include "base/env.hpp"
#include "base/file.hpp"
#include "base/hex.hpp"

namespace jobhost::base {
namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    check(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(ByteView bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }
  std::string hex() {
    unsigned char digest[32];
    check(EVP_DigestFinal_ex(context_.get(), digest, nullptr) == 1);
    return to_hex(digest);
  }

 private:
  static void check(bool fine) {
    if (!fine) throw std::runtime_error("SHA-256 is not available from OpenSSL");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

template <class Use>
void each_block(Env& env, int fd, const std::string& path, const Use& use) {
  Bytes block(1 << 18);
  for (std::uint64_t offset = 0;;) {
    const ssize_t got = env.pread(fd, block.data(), block.size(), offset);
    if (got < 0) throw_file_error(static_cast<int>(got), "read", path);
    if (got == 0) return;
    use(ByteView(block).first(static_cast<std::size_t>(got)));
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace

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

std::pair<std::string, std::string> copy_hashed(Env& env, const std::string& from, const std::string& folder,
                                                unsigned mode) {
  const File source(env, from, O_RDONLY);
  const std::string fresh = folder + "/" + random_hex(env, 8) + ".tmp";
  Sha256 sha;
  try {
    File copy(env, fresh, O_WRONLY | O_CREAT | O_EXCL, mode);
    each_block(env, source.fd(), from, [&](ByteView block) {
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

bool copy_verified(Env& env, const std::string& from, const std::string& to, unsigned mode, const std::string& sha256) {
  const auto [fresh, found] = copy_hashed(env, from, to.substr(0, to.rfind('/')), mode);
  const int failure = found == sha256 ? env.rename(fresh, to) : 0;
  if (found == sha256 && failure == 0) return true;
  env.remove(fresh);
  if (failure < 0) throw_file_error(failure, "rename to", to);
  return false;
}

}  // namespace jobhost::base
