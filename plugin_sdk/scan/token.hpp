#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jobhost::scan {

/// A piece of C++ source: identifier, number, literal, or punctuator of one or several characters.
struct Token {
  std::string text;
  int line = 0;         // in the user's file, 1-based
  bool space = false;   // white space or a comment stood before it
  std::string comment;  // the comment that directly precedes it, markers removed; "" without one
};

/// Tokens of the lines of preprocessed text (as `g++ -E -C` prints it) that come from `file`, whose name is spelt as in
/// the line markers (every file when it is ""). Directives and other files' lines are left out.
std::vector<Token> tokens_of(std::string_view preprocessed, const std::string& file);

inline bool is_word(const Token& token) {
  const char c = token.text[0];
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

/// Text of tokens [begin, end) with the user's spacing, every gap one blank.
std::string join(const std::vector<Token>& tokens, std::size_t begin, std::size_t end);

}  // namespace jobhost::scan
