#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lorica::jinja {

enum class TokenType {
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  real,
  op,
  end,
  error
};

struct Token {
  TokenType type;
  int line;
  std::string text;  ///< data, name, operator, message; of a string its value with escapes resolved
  int64_t integer = 0;
  double real = 0;
};

/// Cuts a template into tokens with trim_blocks and lstrip_blocks on: white space control and comments are settled
/// here, and raw blocks have become data. What cannot be cut ends the list with an error token that holds the message,
/// so that a mistake further up is reported first.
std::vector<Token> tokenize(std::string_view source);

/// How messages name a token: "end of statement block", "integer", or the text itself.
std::string describe(const Token& token);
std::string describe(TokenType type);

}  // namespace lorica::jinja
