#include "functions.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace jobhost::scan {
namespace {

const std::set<std::string> kBuiltin = {"void",  "bool",     "char",    "short",    "int",      "long",
                                        "float", "double",   "auto",    "unsigned", "signed",   "wchar_t",
                                        "const", "volatile", "char8_t", "char16_t", "char32_t", "struct",
                                        "enum",  "union",    "class",   "typename", "decltype"};
const std::set<std::string> kLeadingWords = {"static", "inline", "constexpr", "extern", "__extension__"};
const std::set<std::string> kCallLike = {"__attribute__", "alignas", "decltype", "noexcept", "requires",
                                         "__declspec",    "sizeof",  "throw",    "__asm__",  "asm"};

class Parser {
 public:
  Parser(const std::vector<Token>& tokens, bool declarations) : tokens_(tokens), declarations_(declarations) {}

  Findings run() {
    while (at_ < tokens_.size()) declaration();
    for (auto& function : functions_) {
      const auto declared = declared_defaults_.find(qualified_name(function));
      if (declared != declared_defaults_.end()) function.defaults = std::max(function.defaults, declared->second);
      function.defaults = std::min(function.defaults, function.parameters.size());
    }
    return {std::move(functions_), std::move(variables_)};
  }

 private:
  bool is(std::size_t i, const char* text) const { return i < tokens_.size() && tokens_[i].text == text; }

  /// Index behind the bracket that closes the one at `open`.
  std::size_t behind(std::size_t open) const {
    int depth = 0;
    for (std::size_t i = open; i < tokens_.size(); ++i) {
      const std::string& text = tokens_[i].text;
      if (text == "(" || text == "[" || text == "{") ++depth;
      if (text == "[[") depth += 2;
      if (text == ")" || text == "]" || text == "}") --depth;
      if (text == "]]") depth -= 2;
      if (depth <= 0) return i + 1;
    }
    return tokens_.size();
  }

  void skip_to_semicolon() {
    while (at_ < tokens_.size() && !is(at_, ";")) {
      if (is(at_, "}")) return;  // never run out of the enclosing namespace
      at_ = is(at_, "(") || is(at_, "[") || is(at_, "{") || is(at_, "[[") ? behind(at_) : at_ + 1;
    }
    if (at_ < tokens_.size()) ++at_;
  }

  void declaration() {
    if (is(at_, ";")) {
      ++at_;
    } else if (is(at_, "}")) {
      if (!scopes_.empty()) scopes_.pop_back();
      ++at_;
    } else if (is(at_, "namespace") || (is(at_, "inline") && is(at_ + 1, "namespace"))) {
      open_namespace();
    } else if (is(at_, "extern") && at_ + 2 < tokens_.size() && tokens_[at_ + 1].text[0] == '"' && is(at_ + 2, "{")) {
      scopes_.push_back(std::nullopt);
      at_ += 3;
    } else if (is(at_, "using") || is(at_, "typedef") || is(at_, "static_assert")) {
      skip_to_semicolon();
    } else if (is(at_, "template")) {
      skip_template();
    } else {
      entity();
    }
  }

  void open_namespace() {
    at_ += is(at_, "inline") ? 2 : 1;
    std::vector<std::string> names;
    while (at_ < tokens_.size() && !is(at_, "{") && !is(at_, ";")) {
      if (is(at_, "[[")) {
        at_ = behind(at_);
        continue;
      }
      if (is(at_, "__attribute__")) {
        at_ = behind(at_ + 1);
        continue;
      }
      if (is(at_, "=")) return skip_to_semicolon();
      if (is_word(tokens_[at_]) && !is(at_, "inline")) names.push_back(tokens_[at_].text);
      ++at_;
    }
    ++at_;
    if (names.empty()) names.push_back("");
    scopes_.push_back(names);
  }

  void skip_template() {
    ++at_;
    if (is(at_, "<")) {
      int depth = 0;
      do {
        if (is(at_, "<")) ++depth;
        if (is(at_, ">")) --depth;
        at_ = is(at_, "(") || is(at_, "{") ? behind(at_) : at_ + 1;
      } while (depth > 0 && at_ < tokens_.size());
    }
    if (is(at_, "template")) return skip_template();
    skip_entity();
  }

  /// Passes a declaration or definition of whatever kind.
  void skip_entity() {
    bool initialiser = false, parameters = false;
    while (at_ < tokens_.size() && !is(at_, ";")) {
      if (is(at_, "}")) return;
      if (is(at_, "=")) initialiser = true;
      if (is(at_, "(")) parameters = true;
      if (is(at_, ":") && parameters && !initialiser) skip_member_initialisers();
      if (is(at_, "{")) {
        at_ = behind(at_);
        if (parameters && !initialiser) {
          while (is(at_, "catch")) at_ = behind(behind(at_ + 1));  // function-try-block
          return;
        }
        continue;
      }
      at_ = is(at_, "(") || is(at_, "[") || is(at_, "[[") ? behind(at_) : at_ + 1;
    }
    if (at_ < tokens_.size()) ++at_;
  }

  /// From the colon of a constructor to the brace that begins its body.
  void skip_member_initialisers() {
    do {
      while (at_ < tokens_.size() && !is(at_, "(") && !is(at_, "{")) ++at_;
      at_ = behind(at_);
    } while (is(at_, ",") || is(at_, "..."));
  }

  void entity() {
    const std::size_t begin = at_;
    std::size_t open = 0;  // the parenthesis that begins the parameters
    bool candidate = true, variable = false;
    std::size_t i = begin;
    for (; i < tokens_.size() && !is(i, ";") && !is(i, "{") && !is(i, "}"); ++i) {
      if (is(i, "=")) {  // behind the parameters: deleted, defaulted or pure; before them: a variable
        candidate = false;
        variable = variable || open == 0;
      }
      if (is(i, "operator") || is(i, "consteval") || is(i, "friend") || is(i, "asm") || is(i, "__asm__")) {
        candidate = false;
      }
      if (is(i, "try") && open != 0) break;
      if (is(i, "[[") || is(i, "[")) i = behind(i) - 1;
      if (is(i, "(")) {
        const bool call_like = i > begin && kCallLike.contains(tokens_[i - 1].text);
        if (!call_like) {
          if (open == 0) {
            open = i;
          } else {
            candidate = false;
          }
        }
        i = behind(i) - 1;
      }
    }
    const bool definition = is(i, "{") || is(i, "try");
    if (candidate && open > begin + 1 && (definition || is(i, ";"))) note(begin, open, i, definition);
    at_ = begin;
    skip_entity();
    if ((open == 0 || variable) && !declarations_) note_variables(begin, at_);
  }

  std::vector<std::string> enclosing_namespaces() const {
    std::vector<std::string> names;
    for (const auto& scope : scopes_) {
      if (scope) names.insert(names.end(), scope->begin(), scope->end());
    }
    return names;
  }

  /// The tokens of a declaration without parentheses before its first initialiser: `static int a = 1, b{2};`
  void note_variables(std::size_t begin, std::size_t end) {
    static const std::set<std::string> kNotAssignable = {
        "const",     "constexpr", "constinit", "thread_local", "__thread", "extern",   "struct",
        "class",     "union",     "enum",      "using",        "typedef",  "template", "friend",
        "&",         "&&",        "operator",  "asm",          "__asm__",  "goto",     "return",
        "namespace", "concept",   "requires",  "public",       "export",   "volatile", "else"};
    int angles = 0;
    bool in_initialiser = false;
    std::vector<std::size_t> names;
    for (std::size_t i = begin; i < end; ++i) {
      if (!in_initialiser && kNotAssignable.contains(tokens_[i].text)) return;
      const bool ends_name = is(i, "=") || is(i, "{") || is(i, ",") || is(i, ";") || is(i, "[");
      if (is(i, "<")) ++angles;
      if (is(i, ">")) angles = std::max(0, angles - 1);
      if (ends_name && angles == 0 && !in_initialiser) {
        const std::size_t name = i - 1;
        const bool has_type = name > begin || !names.empty();
        if (i == begin || !has_type || !is_word(tokens_[name]) || kBuiltin.contains(tokens_[name].text)) return;
        if (name > begin && (is(name - 1, "::") || is(name - 1, "."))) return;
        names.push_back(name);
        in_initialiser = true;
      }
      if (is(i, ",") && angles == 0) in_initialiser = false;
      if (is(i, "(") || is(i, "{") || is(i, "[")) i = behind(i) - 1;
    }
    if (names.empty()) return;
    const std::size_t type = behind_leading_words(begin, names[0]);
    bool is_static = false;
    for (std::size_t i = begin; i < type; ++i) is_static = is_static || is(i, "static");
    for (const std::size_t name : names) {
      Variable variable{enclosing_namespaces(), tokens_[name].text, join(tokens_, type, names[0]), tokens_[name].line,
                        is_static};
      const auto same = [&](const Variable& other) { return qualified_name(other) == qualified_name(variable); };
      if (std::none_of(variables_.begin(), variables_.end(), same)) variables_.push_back(std::move(variable));
    }
  }

  /// Where a declaration's type begins: behind storage words and attributes.
  std::size_t behind_leading_words(std::size_t type, std::size_t name) const {
    while (type < name && (kLeadingWords.contains(tokens_[type].text) || is(type, "[[") || is(type, "__attribute__") ||
                           tokens_[type].text[0] == '"')) {
      type = is(type, "[[") ? behind(type) : is(type, "__attribute__") ? behind(type + 1) : type + 1;
    }
    return type;
  }

  void note(std::size_t begin, std::size_t open, std::size_t body, bool definition) {
    const std::size_t name = open - 1;
    if (!is_word(tokens_[name]) || kBuiltin.contains(tokens_[name].text) || tokens_[name].text == "main") return;
    if (is(name - 1, "::") || is(name - 1, "~") || name == begin) return;
    Function function;
    function.namespaces = enclosing_namespaces();
    function.name = tokens_[name].text;
    function.line = tokens_[name].line;
    function.doc = tokens_[begin].comment;
    const std::size_t type = behind_leading_words(begin, name);
    if (type >= name) return;
    const std::size_t close = behind(open) - 1;
    if (!parameters(open + 1, close, function)) return;
    if (!definition && function.defaults > 0) declared_defaults_[qualified_name(function)] = function.defaults;
    if (!definition && !declarations_) return;
    for (std::size_t i = begin; i < type; ++i) function.is_static = function.is_static || is(i, "static");
    std::size_t end = close + 1;
    for (std::size_t i = end; i < body; ++i) {
      if (is(i, "->")) end = body;  // a trailing return type is part of the story
    }
    function.signature = join(tokens_, type, end);
    functions_.push_back(std::move(function));
  }

  /// False when the list is of a kind that has no address (a template in disguise) or no fixed number of values.
  bool parameters(std::size_t begin, std::size_t end, Function& function) const {
    auto& list = function.parameters;
    if (begin == end || (end - begin == 1 && is(begin, "void"))) return true;
    std::size_t start = begin;
    int angles = 0;
    for (std::size_t i = begin; i <= end; ++i) {
      if (i < end) {
        if (is(i, "...") || is(i, "auto")) return false;  // an ellipsis; a template in disguise
        if (is(i, "<")) ++angles;
        if (is(i, ">")) angles = std::max(0, angles - 1);
        if (is(i, "(") || is(i, "[") || is(i, "{") || is(i, "[[")) i = behind(i) - 1;
      }
      if (i < end && (!is(i, ",") || angles > 0)) continue;
      list.push_back(parameter(start, i, list.size() + 1));
      bool has_default = false;
      for (std::size_t j = start; j < i; ++j) has_default = has_default || is(j, "=");
      function.defaults = has_default ? function.defaults + 1 : 0;
      start = i + 1;
    }
    return true;
  }

  Parameter parameter(std::size_t begin, std::size_t end, std::size_t number) const {
    for (std::size_t i = begin; i < end; ++i) {
      if (is(i, "=")) end = i;
    }
    while (is(begin, "[[")) begin = behind(begin);
    Parameter parameter{"arg" + std::to_string(number), ""};
    std::size_t last = end - 1;
    while (last > begin && is(last, "]")) {  // an array parameter: T name[n]
      while (last > begin && !is(last, "[")) --last;
      --last;
    }
    const bool named = last > begin && is_word(tokens_[last]) && !kBuiltin.contains(tokens_[last].text) &&
                       !is(last - 1, "::") && !only_qualifiers(begin, last);
    if (named) {
      parameter.name = tokens_[last].text;
      parameter.type = join(tokens_, begin, last) + join(tokens_, last + 1, end);
    } else {
      parameter.type = join(tokens_, begin, end);
    }
    return parameter;
  }

  /// "const Foo": the word behind them is the type, not a name.
  bool only_qualifiers(std::size_t begin, std::size_t end) const {
    return std::all_of(tokens_.begin() + static_cast<std::ptrdiff_t>(begin),
                       tokens_.begin() + static_cast<std::ptrdiff_t>(end), [](const Token& token) {
                         return token.text == "const" || token.text == "volatile" || token.text == "struct" ||
                                token.text == "enum" || token.text == "class" || token.text == "typename";
                       });
  }

  const std::vector<Token>& tokens_;
  bool declarations_;
  std::map<std::string, std::size_t> declared_defaults_;  // by qualified name, from forward declarations
  std::size_t at_ = 0;
  std::vector<std::optional<std::vector<std::string>>> scopes_;  // nothing: extern "C"
  std::vector<Function> functions_;
  std::vector<Variable> variables_;
};

}  // namespace

Findings find_entities(const std::vector<Token>& tokens, bool declarations) {
  return Parser(tokens, declarations).run();
}

}  // namespace jobhost::scan
