// Statistics of files, one file a task: jobhost run files.so:text ::: data/*.txt
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

std::ifstream opened(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot open " + file.string());
  return stream;
}

}  // namespace

struct Text {
  std::uint64_t bytes, lines, words, longest_line;  // as wc counts them
};

struct Column {
  std::uint64_t count, skipped;  // numbers; lines without one
  double mean, deviation, minimum, maximum;
};

// Bytes, lines, words and the longest line of a text file, as `wc -clwL` counts plain ASCII.
Text text(const std::filesystem::path& file) {
  auto stream = opened(file);
  Text result{};
  std::uint64_t line = 0;
  bool in_word = false;
  std::array<char, 1 << 16> block;
  while (stream.read(block.data(), block.size()), stream.gcount() > 0) {
    for (std::streamsize i = 0; i < stream.gcount(); ++i) {
      const char c = block[static_cast<std::size_t>(i)];
      ++result.bytes;
      const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
      if (!blank && !in_word) ++result.words;
      in_word = !blank;
      if (c == '\n') {
        ++result.lines;
        result.longest_line = std::max(result.longest_line, line);
        line = 0;
      } else {
        ++line;
      }
    }
  }
  result.longest_line = std::max(result.longest_line, line);
  return result;
}

// Shannon entropy of a file's bytes in bits per byte: 0 for one repeated byte, 8 for random data.
double entropy(const std::filesystem::path& file) {
  auto stream = opened(file);
  std::array<std::uint64_t, 256> counts{};
  std::uint64_t total = 0;
  std::array<char, 1 << 16> block;
  while (stream.read(block.data(), block.size()), stream.gcount() > 0) {
    for (std::streamsize i = 0; i < stream.gcount(); ++i) {
      ++counts[static_cast<unsigned char>(block[static_cast<std::size_t>(i)])];
    }
    total += static_cast<std::uint64_t>(stream.gcount());
  }
  double bits = 0;
  for (const std::uint64_t count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(total);
    bits -= share * std::log2(share);
  }
  return bits;
}

// Statistics of column `number` (1 is the first) of a table, one row a line, cells parted by `separator` (a comma by
// default, "tab", or "blank" for any white space). Cells that are no numbers, such as headings, are skipped and
// counted. The deviation is the sample's (n - 1). Welford's method: one pass, numerically stable.
Column column(const std::filesystem::path& file, unsigned number, const std::string& separator = ",") {
  if (number == 0) throw std::invalid_argument("columns are counted from 1");
  const bool blanks = separator == "blank";
  const char mark = separator == "tab" ? '\t' : separator.empty() ? ',' : separator[0];
  auto stream = opened(file);
  Column result{0, 0, 0, 0, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  double squares = 0;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream cells(line);
    std::string cell;
    unsigned at = 0;
    while (at < number &&
           (blanks ? static_cast<bool>(cells >> cell) : static_cast<bool>(std::getline(cells, cell, mark)))) {
      ++at;
    }
    std::size_t used = 0;
    double value = 0;
    try {
      if (at == number) value = std::stod(cell, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used == 0) {
      ++result.skipped;
      continue;
    }
    ++result.count;
    const double distance = value - result.mean;
    result.mean += distance / static_cast<double>(result.count);
    squares += distance * (value - result.mean);
    result.minimum = std::min(result.minimum, value);
    result.maximum = std::max(result.maximum, value);
  }
  result.deviation = result.count > 1 ? std::sqrt(squares / static_cast<double>(result.count - 1)) : 0;
  return result;
}
