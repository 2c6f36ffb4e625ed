#include "store/seal.hpp"

#include <cstdio>

#include "base/checksum.hpp"

namespace jobhost::store {
namespace {

constexpr std::string_view kBegin = ",\"crc32c\":\"";
constexpr std::size_t kSize = kBegin.size() + 10;

std::string seal_for(std::string_view text) {
  char end[16];
  std::snprintf(end, sizeof end, "%08x\"}", base::crc32c(base::as_bytes(text)));
  return std::string(kBegin) + end;
}

}  // namespace

std::string sealed(std::string line) {
  line.pop_back();
  return line + seal_for(line);
}

Seal seal_of(std::string_view line) {
  if (line.size() > kSize && line.ends_with(seal_for(line.substr(0, line.size() - kSize)))) return Seal::kRight;
  return line.find(kBegin) == line.npos ? Seal::kNone : Seal::kWrong;
}

}  // namespace jobhost::store
