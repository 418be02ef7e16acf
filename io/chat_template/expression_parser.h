#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/ast.h"
#include "io/chat_template/token_stream.h"

namespace lorica::jinja {

/// Reads expressions by recursive descent, a function a level of precedence, loosest first.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  /// What ends a tuple without parentheses, beside brackets and tag ends: "in", "recursive".
  using EndName = std::string_view;

  ExprPtr expression(bool with_conditional = true);
  ExprPtr tuple(bool with_conditional = true, EndName end = {});
  /// `| name(arguments)` repeated; with start_inline the first name stands without its bar.
  ExprPtr filters(ExprPtr operand, bool start_inline);

  /// Names of special meaning (varargs, kwargs, caller, loop) that were read since the parser began.
  std::function<void(const std::string&)> on_name;
  /// Filters and tests that do not exist, unless they stand where Jinja only looks for them when they run.
  struct Unknown {
    std::string message;
    int line;
  };
  std::vector<Unknown> unknown;
  /// Whether the statement around is one that runs conditionally.
  bool conditional_context = false;

  /// Counts one level of nesting for as long as it lives; throws Failure at the limit.
  class Level {
   public:
    explicit Level(ExpressionParser& parser);
    ~Level() { --parser_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    ExpressionParser& parser_;
  };

 private:
  ExprPtr conditional();
  ExprPtr logical_or();
  ExprPtr logical_and();
  ExprPtr logical_not();
  ExprPtr comparison();
  std::optional<CompareOp> comparison_operator();
  ExprPtr sum();
  ExprPtr concat();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filter);
  ExprPtr primary();
  ExprPtr tuple_items(bool with_conditional, EndName end, bool in_parentheses);
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr operand);
  ExprPtr filters_and_tests(ExprPtr operand);
  ExprPtr test(ExprPtr operand);
  ExprPtr subscript(ExprPtr operand);
  ExprPtr bracketed(ExprPtr operand, int line);
  ExprPtr call(ExprPtr callee);
  Arguments arguments();
  void argument(Arguments& arguments, int line);
  std::string dotted_name();
  template <class Node>
  ExprPtr make(int line, Node node);

  TokenStream& tokens_;
  int level_ = 0;
};

}  // namespace lorica::jinja
