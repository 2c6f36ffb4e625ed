#include <array>

#include "base/checksum.hpp"

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

namespace jobhost::base {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected Castagnoli

constexpr auto kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}();

std::uint32_t portable(const unsigned char* data, std::size_t size, std::uint32_t crc) {
  for (; size > 0; --size) crc = (crc >> 8) ^ kTable[(crc ^ *data++) & 0xff];
  return crc;
}

#ifdef __x86_64__
// Three streams hide the instruction's latency of three cycles; they are joined by multiplying with x^(8*kLane) modulo
// the polynomial, which two tables of 256 words per byte do (the method of M. Adler's crc32c.c, written anew).
constexpr std::size_t kLane = 1024;

constexpr std::uint32_t times_matrix(const std::array<std::uint32_t, 32>& matrix, std::uint32_t vector) {
  std::uint32_t sum = 0;
  for (std::size_t bit = 0; vector != 0; vector >>= 1, ++bit) {
    if (vector & 1) sum ^= matrix[bit];
  }
  return sum;
}

// Advances a CRC over kLane zero bytes.
constexpr auto kAdvance = [] {
  std::array<std::uint32_t, 32> matrix{};
  matrix[0] = kPolynomial;  // one zero bit
  for (std::size_t bit = 1; bit < 32; ++bit) matrix[bit] = 1u << (bit - 1);
  for (std::size_t bits = 1; bits < kLane * 8; bits *= 2) {
    std::array<std::uint32_t, 32> square{};
    for (std::size_t bit = 0; bit < 32; ++bit) square[bit] = times_matrix(matrix, matrix[bit]);
    matrix = square;
  }
  std::array<std::array<std::uint32_t, 256>, 4> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    for (std::size_t place = 0; place < 4; ++place) table[place][byte] = times_matrix(matrix, byte << (8 * place));
  }
  return table;
}();

std::uint64_t advance(std::uint64_t crc) {
  return kAdvance[0][crc & 0xff] ^ kAdvance[1][(crc >> 8) & 0xff] ^ kAdvance[2][(crc >> 16) & 0xff] ^
         kAdvance[3][(crc >> 24) & 0xff];
}

std::uint64_t load(const unsigned char* data) {
  std::uint64_t word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t hardware(const unsigned char* data, std::size_t size,
                                                         std::uint32_t seed) {
  std::uint64_t crc = seed;
  while (size >= 3 * kLane) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t i = 0; i < kLane; i += 8) {
      crc = _mm_crc32_u64(crc, load(data + i));
      second = _mm_crc32_u64(second, load(data + kLane + i));
      third = _mm_crc32_u64(third, load(data + 2 * kLane + i));
    }
    crc = advance(crc) ^ second;
    crc = advance(crc) ^ third;
    data += 3 * kLane;
    size -= 3 * kLane;
  }
  for (; size >= 8; size -= 8, data += 8) crc = _mm_crc32_u64(crc, load(data));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; size > 0; --size) narrow = _mm_crc32_u8(narrow, *data++);
  return narrow;
}
#endif

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) {
#ifdef __x86_64__
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return ~hardware(bytes.data(), bytes.size(), ~seed);
#endif
  return ~portable(bytes.data(), bytes.size(), ~seed);
}

}  // namespace jobhost::base
