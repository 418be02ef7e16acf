#include "io/chat_template/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "io/chat_template/python_text.h"
#include "io/chat_template/string_literal.h"
#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "\r\n" and "\r" become "\n"; one line end at the very end goes, as Jinja's keep_trailing_newline=False has it.
std::string normalise(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : storage_(normalise(source)), source_(storage_) {}

  std::vector<Token> run() {
    try {
      while (at_ < source_.size()) lex_data();
      add(TokenType::end);
    } catch (const Failure& failure) {
      add(TokenType::error, failure.what());
    }
    return std::move(tokens_);
  }

 private:
  bool looking_at(std::string_view what, size_t at) const {
    return source_.substr(std::min(at, source_.size())).starts_with(what);
  }

  size_t skip_space(size_t at) const {
    while (at < source_.size() && in_class(code_point_at(source_, at), CharClass::space))
      at += code_point_size(source_, at);
    return at;
  }

  /// Moves on and keeps the line count; everything between is consumed.
  void move_to(size_t at) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    line_starting_ = at > at_ ? source_[at - 1] == '\n' : line_starting_;
    at_ = at;
  }

  void add(TokenType type, std::string text = "") { tokens_.push_back({type, line_, std::move(text)}); }

  [[noreturn]] void fail(const std::string& message) const { throw Failure(message, line_); }

  char sign_at(size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : 0;
  }

  /// The end of a closing mark that starts at `at`, with what it swallows behind it ("-%}" all white space, "%}" one
  /// line end), or npos.
  size_t closing_mark(std::string_view mark, size_t at, bool trims_line_end = true, bool allows_plus = true) const {
    const char sign = sign_at(at);
    const size_t start = sign == 0 ? at : at + 1;
    if (!looking_at(mark, start) || (sign == '+' && !allows_plus)) return std::string_view::npos;
    const size_t end = start + mark.size();
    if (sign == '-') return skip_space(end);
    return sign == 0 && trims_line_end && looking_at("\n", end) ? end + 1 : end;
  }

  /// The data before a tag with the white space removed that its sign, or lstrip_blocks, asks for.
  std::string_view data_before(std::string_view data, char sign, bool is_variable) const {
    if (sign == '-') return strip(data, Sides::right);
    if (sign == '+' || is_variable) return data;
    const size_t line_end = data.rfind('\n');
    const size_t line_start = line_end == std::string_view::npos ? 0 : line_end + 1;
    if (line_start == 0 && !line_starting_) return data;
    return strip(data.substr(line_start), Sides::left).empty() ? data.substr(0, line_start) : data;
  }

  size_t next_tag(size_t at) const {
    for (; (at = source_.find('{', at)) != std::string_view::npos; ++at) {
      if (at + 1 < source_.size() && (source_[at + 1] == '{' || source_[at + 1] == '%' || source_[at + 1] == '#'))
        break;
    }
    return at;
  }

  void add_data(std::string_view data) {
    if (!data.empty()) add(TokenType::data, std::string(data));
  }

  void lex_data() {
    const size_t tag = next_tag(at_);
    if (tag == std::string_view::npos) {
      add_data(source_.substr(at_));
      move_to(source_.size());
      return;
    }
    const char kind = source_[tag + 1];
    const char sign = sign_at(tag + 2);
    add_data(data_before(source_.substr(at_, tag - at_), sign, kind == '{'));
    const size_t inside = tag + 2 + (sign == 0 ? 0 : 1);
    if (kind == '%') {
      if (const auto raw_start = raw_begin(inside)) {
        move_to(*raw_start);
        return lex_raw();
      }
    }
    move_to(tag);
    add_begin(kind);
    move_to(inside);
    kind == '#' ? skip_comment() : lex_code(kind == '%');
  }

  void add_begin(char kind) {
    if (kind != '#') add(kind == '%' ? TokenType::block_begin : TokenType::variable_begin);
  }

  /// Where the text of a raw block starts when the tag is "raw".
  std::optional<size_t> raw_begin(size_t inside) const {
    const size_t word = skip_space(inside);
    if (!looking_at("raw", word)) return std::nullopt;
    const size_t end = closing_mark("%}", skip_space(word + 3), false, false);
    return end == std::string_view::npos ? std::nullopt : std::optional(end);
  }

  void lex_raw() {
    for (size_t tag = at_; (tag = source_.find("{%", tag)) != std::string_view::npos; ++tag) {
      const char sign = sign_at(tag + 2);
      const size_t word = skip_space(tag + 2 + (sign == 0 ? 0 : 1));
      if (!looking_at("endraw", word)) continue;
      const size_t end = closing_mark("%}", skip_space(word + 6));
      if (end == std::string_view::npos) continue;
      add_data(data_before(source_.substr(at_, tag - at_), sign, false));
      return move_to(end);
    }
    fail("Missing end of raw directive");
  }

  void skip_comment() {
    for (size_t at = at_; at < source_.size(); ++at) {
      const size_t end = closing_mark("#}", at);
      if (end != std::string_view::npos) return move_to(end);
    }
    fail("Missing end of comment tag");
  }

  void lex_code(bool block) {
    open_.clear();
    while (true) {
      if (open_.empty()) {
        const size_t end = block ? closing_mark("%}", at_) : closing_mark("}}", at_, false, false);
        if (end != std::string_view::npos) {
          add(block ? TokenType::block_end : TokenType::variable_end);
          return move_to(end);
        }
      }
      if (at_ >= source_.size()) return;
      const size_t space = skip_space(at_);
      space > at_ ? move_to(space) : lex_token();
    }
  }

  void lex_token() {
    const char c = source_[at_];
    if (is_digit(c)) return lex_number();
    if (c == '\'' || c == '"') return lex_string(c);
    size_t end = at_;
    while (end < source_.size() && in_class(code_point_at(source_, end), CharClass::word))
      end += code_point_size(source_, end);
    if (end == at_) return lex_operator();
    add(TokenType::name, std::string(source_.substr(at_, end - at_)));
    move_to(end);
  }

  /// Digits with single underscores between them, from `at`; `at` itself when there are none.
  template <class IsDigit>
  size_t digits_end(size_t at, IsDigit is_one) const {
    const auto digit_at = [&](size_t i) { return i < source_.size() && is_one(source_[i]); };
    if (!digit_at(at)) return at;
    while (digit_at(at) || (at < source_.size() && source_[at] == '_' && digit_at(at + 1))) ++at;
    return at;
  }

  size_t real_end() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return at_;
    const size_t whole = digits_end(at_, is_digit);
    size_t end = whole;
    if (looking_at(".", whole)) {
      const size_t fraction = digits_end(whole + 1, is_digit);
      if (fraction > whole + 1) end = fraction;
    }
    if (looking_at("e", end) || looking_at("E", end)) {
      const size_t digits = end + (sign_at(end + 1) == 0 ? 1 : 2);
      const size_t exponent = digits_end(digits, is_digit);
      if (exponent > digits) end = exponent;
    }
    return end == whole ? at_ : end;
  }

  std::string digits(size_t from, size_t to) const {
    std::string text(source_.substr(from, to - from));
    std::erase(text, '_');
    return text;
  }

  void lex_number() {
    Token token{TokenType::integer, line_, ""};
    size_t end = real_end();
    if (end > at_) {
      token.type = TokenType::real;
      token.text = digits(at_, end);
      std::from_chars(token.text.data(), token.text.data() + token.text.size(), token.real);
    } else {
      end = lex_integer(token);
    }
    tokens_.push_back(std::move(token));
    move_to(end);
  }

  size_t lex_integer(Token& token) const {
    int base = 10;
    size_t from = at_, end = at_;
    if (source_[at_] == '0' && at_ + 2 < source_.size()) {
      const char mark = static_cast<char>(source_[at_ + 1] | 0x20);
      const int wanted = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
      const size_t first = at_ + 2 + (source_[at_ + 2] == '_' ? 1 : 0);
      const auto is_one = [&](char c) {
        const int value = is_digit(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 99;
        return value < wanted;
      };
      const size_t last = wanted == 10 ? first : digits_end(first, is_one);
      if (last > first) base = wanted, from = first, end = last;
    }
    if (end == at_ && source_[at_] == '0') end = digits_end(at_, [](char c) { return c == '0'; });
    if (end == at_) end = digits_end(at_, is_digit);
    token.text = digits(from, end);
    const auto read = std::from_chars(token.text.data(), token.text.data() + token.text.size(), token.integer, base);
    if (read.ec != std::errc()) fail(fmt::format("the integer {} does not fit 64 bits", token.text));
    return end;
  }

  void lex_string(char quote) {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size())
      fail(fmt::format("unexpected char {} at {}", text_repr(std::string(1, quote)),
                       code_point_count(source_.substr(0, at_))));
    add(TokenType::string, unescape_literal(source_.substr(at_ + 1, end - at_ - 1), line_));
    move_to(end + 1);
  }

  void lex_operator() {
    static constexpr std::string_view kLong[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kShort = "+-/*%~[](){}><=.:|,;";
    size_t size = 0;
    for (const std::string_view one : kLong) size = looking_at(one, at_) ? 2 : size;
    if (size == 0 && kShort.find(source_[at_]) != std::string_view::npos) size = 1;
    if (size == 0) {
      const std::string_view one = source_.substr(at_, code_point_size(source_, at_));
      fail(fmt::format("unexpected char {} at {}", text_repr(one), code_point_count(source_.substr(0, at_))));
    }
    const char c = source_[at_];
    if (c == '(' || c == '[' || c == '{') {
      open_ += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (open_.empty()) fail(fmt::format("unexpected '{}'", c));
      if (open_.back() != c) fail(fmt::format("unexpected '{}', expected '{}'", c, open_.back()));
      open_.pop_back();
    }
    add(TokenType::op, std::string(source_.substr(at_, size)));
    move_to(at_ + size);
  }

  std::string storage_;
  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::string open_;  ///< closing brackets still to come
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

std::string describe(TokenType type) {
  switch (type) {
    case TokenType::data:
      return "template data / text";
    case TokenType::variable_begin:
      return "begin of print statement";
    case TokenType::variable_end:
      return "end of print statement";
    case TokenType::block_begin:
      return "begin of statement block";
    case TokenType::block_end:
      return "end of statement block";
    case TokenType::name:
      return "name";
    case TokenType::string:
      return "string";
    case TokenType::integer:
      return "integer";
    case TokenType::real:
      return "float";
    case TokenType::op:
      return "operator";
    default:
      return "end of template";
  }
}

std::string describe(const Token& token) {
  return token.type == TokenType::name || token.type == TokenType::op ? token.text : describe(token.type);
}

}  // namespace lorica::jinja
