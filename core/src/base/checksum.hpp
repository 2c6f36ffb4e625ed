#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.hpp"

namespace jobhost::base {

class Env;
class File;

/// CRC-32C (Castagnoli polynomial, RFC 3720 appendix B.4) of `bytes`, continued from `seed`; crc32c("123456789") is
/// 0xe3069283. Uses the SSE4.2 instruction where the processor has it.
std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

/// SHA-256 (FIPS 180-4) in lower-case hexadecimal, 64 characters.
std::string sha256_hex(ByteView bytes);

/// The first half of the SHA-256: enough to tell apart what nobody made alike on purpose.
std::array<unsigned char, 16> sha256_half(ByteView bytes);

/// SHA-256 of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();
  void add(ByteView bytes);
  /// Once, when all is added.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// SHA-256 of all that the descriptor holds from its beginning; reads with pread, leaves the position alone.
/// Throws Error when reading fails; `path` is for the message.
std::string sha256_hex_of_file(Env& env, int fd, const std::string& path);

/// Copies a file under a fresh name into `folder`, with this mode; the name and the SHA-256 of what was copied. Nothing
/// is left when it throws.
std::pair<std::string, std::string> copy_hashed(Env& env, const File& source, const std::string& folder, unsigned mode);

/// Copies a file to `to`, complete or not at all. False, and nothing is there, when its SHA-256 is another.
bool copy_verified(Env& env, const File& source, const std::string& to, unsigned mode, const std::string& sha256);

}  // namespace jobhost::base
