#include "io/chat_template/token_stream.h"

#include <fmt/format.h>

#include "io/chat_template/python_text.h"

namespace lorica::jinja {

void TokenStream::check() const {
  if (is(TokenType::error)) throw Failure(current().text, line());
}

Token TokenStream::next() {
  Token token = current();
  if (at_ + 1 < tokens_.size()) ++at_;
  check();
  return token;
}

bool TokenStream::skip_op(std::string_view op) {
  if (!is_op(op)) return false;
  next();
  return true;
}

bool TokenStream::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  next();
  return true;
}

void TokenStream::refuse(std::string_view wanted) const {
  if (is(TokenType::end))
    throw Failure(fmt::format("unexpected end of template, expected {}.", text_repr(wanted)), line());
  throw Failure(fmt::format("expected token {}, got {}", text_repr(wanted), text_repr(describe(current()))), line());
}

Token TokenStream::expect_op(std::string_view op) {
  if (!is_op(op)) refuse(op);
  return next();
}

Token TokenStream::expect_name(std::string_view name) {
  if (!is_name(name)) refuse(name);
  return next();
}

Token TokenStream::expect(TokenType type) {
  if (!is(type)) refuse(describe(type));
  return next();
}

}  // namespace lorica::jinja
