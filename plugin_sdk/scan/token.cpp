#include "token.hpp"

#include <cctype>
#include <cstdlib>

namespace jobhost::scan {
namespace {

/// "# 12 "file.cpp" 2": the next line is line 12 of that file.
bool read_marker(std::string_view line, int& number, std::string& file) {
  if (!line.starts_with("# ") && !line.starts_with("#line ")) return false;
  std::size_t at = line.find_first_of("0123456789");
  if (at == std::string_view::npos) return false;
  number = std::atoi(std::string(line.substr(at)).c_str());
  at = line.find('"');
  if (at == std::string_view::npos) return true;
  file.clear();
  for (++at; at < line.size() && line[at] != '"'; ++at) {
    if (line[at] == '\\' && at + 1 < line.size()) ++at;
    file += line[at];
  }
  return true;
}

bool word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  Lexer(std::string_view text, const std::string& file) : text_(text), wanted_(file) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) step();
    return std::move(tokens_);
  }

 private:
  char here(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void step() {
    const char c = here();
    if (c == '\n') {
      ++at_;
      ++line_;
      line_start_ = true;
      space_ = true;
      return;
    }
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at_;
      space_ = true;
      return;
    }
    if (c == '#' && line_start_) {
      directive();
      return;
    }
    line_start_ = false;
    if (c == '/' && here(1) == '/') {
      comment(text_.find('\n', at_), 2, 0);
    } else if (c == '/' && here(1) == '*') {
      const std::size_t close = text_.find("*/", at_ + 2);
      comment(close == std::string_view::npos ? close : close + 2, 2, 2);
    } else if (word_character(c) && !std::isdigit(static_cast<unsigned char>(c))) {
      word();
    } else if (c == '"' || c == '\'') {
      emit(quoted_end(at_));
    } else if (std::isdigit(static_cast<unsigned char>(c)) ||
               (c == '.' && std::isdigit(static_cast<unsigned char>(here(1))))) {
      number();
    } else {
      punctuator();
    }
  }

  void directive() {
    std::size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) end = text_.size();
    std::string file = file_;
    int number = 0;
    if (read_marker(text_.substr(at_, end - at_), number, file)) {
      line_ = number - 1;  // the newline counts up to it
      file_ = file;
      comment_.clear();
    }
    at_ = end;
  }

  void comment(std::size_t end, std::size_t open, std::size_t close) {
    if (end == std::string_view::npos) end = text_.size();
    const std::string_view whole = text_.substr(at_, end - at_);
    const bool trails = !tokens_.empty() && file_ == wanted_ && tokens_.back().line == line_;
    std::string body;
    bool line_start = true;
    for (char c : whole.substr(std::min(open, whole.size()), whole.size() - std::min(whole.size(), open + close))) {
      if (line_start && (c == ' ' || c == '*' || c == '/' || c == '!' || c == '<' || c == '\t')) continue;
      line_start = c == '\n';
      body += c;
    }
    // A comment on the line right below another continues it; any other gap starts anew.
    while (!body.empty() && std::isspace(static_cast<unsigned char>(body.back()))) body.pop_back();
    if (trails) body.clear();  // it belongs to the code before it
    comment_ = !comment_.empty() && line_ == comment_end_ + 1 ? comment_ + "\n" + body : body;
    for (char c : whole) line_ += c == '\n';
    comment_end_ = line_;
    at_ = end;
    space_ = true;
  }

  void word() {
    std::size_t end = at_;
    while (end < text_.size() && word_character(text_[end])) ++end;
    const std::string_view prefix = text_.substr(at_, end - at_);
    if (end < text_.size() && text_[end] == '"' && prefix.ends_with('R') && prefix.size() <= 3) {
      const std::size_t open = text_.find('(', end);
      if (open != std::string_view::npos) {
        const std::string close = ")" + std::string(text_.substr(end + 1, open - end - 1)) + "\"";
        const std::size_t stop = text_.find(close, open);
        end = stop == std::string_view::npos ? text_.size() : stop + close.size();
      }
    } else if (end < text_.size() && (text_[end] == '"' || text_[end] == '\'') &&
               (prefix == "L" || prefix == "u" || prefix == "U" || prefix == "u8")) {
      end = quoted_end(end);
    }
    emit(end);
  }

  std::size_t quoted_end(std::size_t open) const {
    std::size_t end = open + 1;
    while (end < text_.size() && text_[end] != text_[open] && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
    return std::min(end + 1, text_.size());
  }

  void number() {
    std::size_t end = at_;
    while (end < text_.size()) {
      const char c = text_[end];
      const bool separator = c == '\'' && end + 1 < text_.size() && word_character(text_[end + 1]);
      const bool sign =
          (c == '+' || c == '-') && std::string_view("eEpP").find(text_[end - 1]) != std::string_view::npos;
      if (!word_character(c) && c != '.' && !separator && !sign) break;
      ++end;
    }
    emit(end);
  }

  void punctuator() {
    for (std::string_view two : {"::", "->", "&&", "[[", "]]", "..."}) {
      if (text_.substr(at_).starts_with(two)) return emit(at_ + two.size());
    }
    emit(at_ + 1);
  }

  void emit(std::size_t end) {
    const std::string_view text = text_.substr(at_, end - at_);
    if (wanted_.empty() || file_ == wanted_) {
      // A comment belongs to what starts right below it.
      std::string doc = line_ - comment_end_ <= 1 ? std::move(comment_) : std::string();
      tokens_.push_back({std::string(text), line_, space_, std::move(doc)});
    }
    comment_.clear();
    space_ = false;
    for (char c : text) line_ += c == '\n';
    at_ = end;
  }

  std::string_view text_;
  std::string wanted_, file_, comment_;
  std::size_t at_ = 0;
  int line_ = 1, comment_end_ = -1;
  bool line_start_ = true, space_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view preprocessed, const std::string& file) {
  return Lexer(preprocessed, file).run();
}

std::string join(const std::vector<Token>& tokens, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) {
    const bool words = i > begin && is_word(tokens[i]) && is_word(tokens[i - 1]);
    if (i > begin && (tokens[i].space || words)) text += ' ';
    text += tokens[i].text;
  }
  return text;
}

}  // namespace jobhost::scan
