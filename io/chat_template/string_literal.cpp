#include "io/chat_template/string_literal.h"

#include <fmt/format.h>

#include <charconv>

#include "io/chat_template/budget.h"
#include "io/tokenizer/utf8.h"

namespace lorica::jinja {

namespace {

class Unescaper {
 public:
  Unescaper(std::string_view literal, int line) : literal_(literal), line_(line) {}

  std::string run() {
    while (at_ < literal_.size()) {
      const char c = literal_[at_++];
      c == '\\' && at_ < literal_.size() ? escape(literal_[at_++]) : void(out_ += c);
    }
    return std::move(out_);
  }

 private:
  void escape(char c) {
    switch (c) {
      case '\n':
        break;
      case '\\':
      case '\'':
      case '"':
        out_ += c;
        break;
      case 'a':
        out_ += '\a';
        break;
      case 'b':
        out_ += '\b';
        break;
      case 'f':
        out_ += '\f';
        break;
      case 'n':
        out_ += '\n';
        break;
      case 'r':
        out_ += '\r';
        break;
      case 't':
        out_ += '\t';
        break;
      case 'v':
        out_ += '\v';
        break;
      case 'x':
        code_point(c, 2);
        break;
      case 'u':
        code_point(c, 4);
        break;
      case 'U':
        code_point(c, 8);
        break;
      case 'N':
        throw Failure("character names (\\N{...}) are not part of this template language", line_);
      default:
        c >= '0' && c <= '7' ? octal() : void((out_ += '\\') += c);
    }
  }

  void octal() {
    --at_;
    char32_t code = 0;
    for (int i = 0; i < 3 && at_ < literal_.size() && literal_[at_] >= '0' && literal_[at_] <= '7'; ++i) {
      code = code * 8 + static_cast<char32_t>(literal_[at_++] - '0');
    }
    utf8::append(out_, code);
  }

  void code_point(char kind, size_t digits) {
    const std::string_view text = literal_.substr(at_, digits);
    uint32_t code = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    if (text.size() != digits || read.ptr != text.data() + text.size()) {
      throw Failure(fmt::format("truncated \\{}{} escape", kind, std::string(digits, 'X')), line_);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      throw Failure(fmt::format("\\{}{} is not a character", kind, text), line_);
    }
    utf8::append(out_, code);
    at_ += digits;
  }

  std::string_view literal_;
  int line_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string unescape_literal(std::string_view literal, int line) { return Unescaper(literal, line).run(); }

}  // namespace lorica::jinja
