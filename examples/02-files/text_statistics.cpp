#include <algorithm>
#include <cctype>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

struct TextStatistics {
  std::uint64_t bytes = 0, lines = 0, words = 0;
  std::uint64_t longest_line = 0;  // bytes
  double letters = 0;              // share of all bytes
};

// Statistics of one text file.
TextStatistics text_statistics(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) throw std::runtime_error("cannot read " + path);

  TextStatistics statistics;
  statistics.bytes = text.size();
  std::uint64_t line = 0, letters = 0;
  bool in_word = false;
  for (const char c : text) {
    if (c == '\n') {
      ++statistics.lines;
      statistics.longest_line = std::max(statistics.longest_line, line);
      line = 0;
    } else {
      ++line;
    }
    const bool blank = std::isspace(static_cast<unsigned char>(c));
    if (!blank && !in_word) ++statistics.words;
    in_word = !blank;
    if (std::isalpha(static_cast<unsigned char>(c))) ++letters;
  }
  statistics.longest_line = std::max(statistics.longest_line, line);
  if (!text.empty()) statistics.letters = static_cast<double>(letters) / static_cast<double>(text.size());
  return statistics;
}
