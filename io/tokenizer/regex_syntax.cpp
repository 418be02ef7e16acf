#include <algorithm>

#include "io/tokenizer/regex.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

// Oniguruma's \s is the property White_Space; PCRE2's adds U+180E. Its \w has marks and circled letters, PCRE2's
// (before 10.43) has none.
constexpr std::string_view kSpace =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
constexpr std::string_view kNotSpace =
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";
constexpr std::string_view kWord =
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{"
    "1f189}";

// On its own, though not inside brackets, Oniguruma's \w also takes the superscripts and fractions of Latin-1.
constexpr std::string_view kLatin1Word = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        escape();
      } else if (in_class_) {
        class_character(c);
      } else {
        outside(c);
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    throw Error("pattern '{}': {} is not supported", pattern_, what);
  }
  char peek(size_t ahead) const { return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0'; }
  void copy(size_t count) {
    out_.append(pattern_.substr(at_, count));
    at_ += count;
  }
  void replace(size_t count, std::string_view open, std::string_view text, std::string_view close) {
    (out_ += open) += text;
    out_ += close;
    at_ += count;
  }

  void escape() {
    switch (peek(1)) {
      case 's':
        return in_class_ ? replace(2, "", kSpace, "") : replace(2, "[", kSpace, "]");
      case 'S':
        return in_class_ ? replace(2, "", kNotSpace, "") : replace(2, "[^", kSpace, "]");
      case 'w':
        return in_class_ ? replace(2, "", kWord, "") : replace(2, "[", std::string(kWord) += kLatin1Word, "]");
      case 'W':
        if (in_class_) refuse("\\W inside brackets");
        return replace(2, "[^", std::string(kWord) += kLatin1Word, "]");
      case 'p':
      case 'P':
      case 'x': {
        const size_t close = peek(2) == '{' ? pattern_.find('}', at_) : std::string_view::npos;
        return copy(close == std::string_view::npos ? 2 : close + 1 - at_);
      }
      case 'b':
        if (in_class_) return copy(2);
        [[fallthrough]];
      case 'B':
      case 'h':
      case 'H':
      case 'K':
      case 'X':
      case 'R':
      case 'G':
      case 'Q':
      case 'E':
      case 'y':
      case 'Y':
      case 'O':
      case 'N':
        refuse(pattern_.substr(at_, 2));
      default:
        copy(2);
    }
  }

  void class_character(char c) {
    if (c == '[' && peek(1) != ':') return open_nested();
    if (c == '&' && peek(1) == '&') return intersect();
    if (c == ']' && at_ != class_start_) {
      if (nested_ > 0) return close_nested();
      in_class_ = false;
      copy(1);
      if (intersects_) out_ += ')';
      intersects_ = false;
      return;
    }
    if (c == '[') {  // a named class such as [:alpha:]
      const size_t end = pattern_.find(":]", at_);
      if (end == std::string_view::npos) refuse("a bracket inside brackets");
      return copy(end + 2 - at_);
    }
    copy(1);
  }

  // A class inside a class adds its characters: the brackets go, for PCRE2 has no such thing.
  void open_nested() {
    if (peek(1) == '^' || peek(1) == ']' || pattern_[at_ - 1] == '-') refuse("such a bracket inside brackets");
    ++nested_;
    ++at_;
  }
  void close_nested() {
    if (peek(1) == '-') refuse("such a bracket inside brackets");
    --nested_;
    ++at_;
  }

  // [A&&[^B]] becomes (?:(?![B])[A]), and [A&&[B]] the same with (?=...).
  void intersect() {
    const bool negated = peek(2) == '[' && peek(3) == '^';
    const size_t right = at_ + (negated ? 4 : 3), end = pattern_.find("]]", right);
    const std::string_view inner = pattern_.substr(std::min(right, pattern_.size()), end - right);
    if (peek(2) != '[' || end == std::string_view::npos || nested_ > 0 || intersects_ ||
        pattern_[class_start_ - 1] == '^' || inner.empty() || inner.find_first_of("[]&") != std::string_view::npos)
      refuse("such an && inside brackets");
    const std::string other = fmt::format("[{}]", inner);
    const std::string look = Translator(other).run();
    out_.insert(class_out_, fmt::format("(?:(?{}{})", negated ? '!' : '=', look));
    intersects_ = true;
    at_ = end + 1;  // on the outer class's own end
  }

  void outside(char c) {
    if (c == '[') {
      in_class_ = true;
      class_out_ = out_.size();
      copy(peek(1) == '^' ? 2 : 1);
      class_start_ = at_;  // a ] right here stands for itself
      return;
    }
    if (c == '(' && peek(1) == '?') group();
    if (c == '(' && peek(1) == '*') refuse("a verb '(*'");
    if (c == '}' && peek(1) == '+') refuse("'+' after an interval");  // possessive in PCRE2, a repeat in Oniguruma
    copy(1);
  }

  // Of the inline options only i means the same in both engines.
  void group() const {
    for (size_t i = 2; peek(i) != ':' && peek(i) != ')'; ++i) {
      const char option = peek(i);
      if (option == '=' || option == '!' || option == '<' || option == '>' || option == '#') return;
      if (option != 'i' && option != '-') refuse(fmt::format("'(?{}'", option == '\0' ? ' ' : option));
    }
  }

  std::string_view pattern_;
  std::string out_;
  size_t at_ = 0;
  size_t class_start_ = 0;  // in the pattern, behind the bracket
  size_t class_out_ = 0;    // where the class begins in out_
  size_t nested_ = 0;       // classes open inside the class
  bool in_class_ = false;
  bool intersects_ = false;  // the class is one side of an &&
};

}  // namespace

std::string to_pcre2(std::string_view pattern) {
  if (utf8::find_invalid(pattern) != std::string_view::npos) throw Error("pattern is not UTF-8");
  return Translator(pattern).run();
}

}  // namespace lorica
