#pragma once
#include <algorithm>
#include <string_view>
#include <vector>

#include "io/chat_template/lexer.h"

namespace lorica::jinja {

/// The tokens of a template and how far they are read.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) { check(); }

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  int line() const { return current().line; }
  Token next();
  bool is(TokenType type) const { return current().type == type; }
  bool is_op(std::string_view op) const { return is(TokenType::op) && current().text == op; }
  bool is_name(std::string_view name) const { return is(TokenType::name) && current().text == name; }
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);
  /// Throw Failure "expected token ')', got 'end of statement block'".
  Token expect_op(std::string_view op);
  Token expect_name(std::string_view name);
  Token expect(TokenType type);

 private:
  /// Throws the lexer's message on reaching it.
  void check() const;
  [[noreturn]] void refuse(std::string_view wanted) const;

  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace lorica::jinja
