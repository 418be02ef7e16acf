#include "io/chat_template/expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "io/chat_template/expression_depth.h"
#include "io/chat_template/filters.h"
#include "io/chat_template/predicates.h"
#include "io/chat_template/python_text.h"

namespace lorica::jinja {

namespace {

// Nesting is followed recursively by the parser, the evaluator and the destructors; these bounds keep the stack small.
constexpr int kMaxLevel = 60;
constexpr int kMaxDepth = 300;

std::optional<BinaryOp> operator_of(const Token& token, std::initializer_list<std::pair<const char*, BinaryOp>> table) {
  if (token.type != TokenType::op) return std::nullopt;
  for (const auto& [text, op] : table) {
    if (token.text == text) return op;
  }
  return std::nullopt;
}

}  // namespace

ExpressionParser::Level::Level(ExpressionParser& parser) : parser_(parser) {
  if (++parser_.level_ > kMaxLevel) {
    --parser_.level_;
    throw Failure("the template is nested too deeply", parser_.tokens_.line());
  }
}

template <class Node>
ExprPtr ExpressionParser::make(int line, Node node) {
  const int depth = 1 + Deepest()(node);
  if (depth > kMaxDepth) throw Failure("the expression is too long", line);
  return std::make_unique<const Expr>(Expr{line, depth, std::move(node)});
}

ExprPtr ExpressionParser::expression(bool with_conditional) {
  const Level level(*this);
  return with_conditional ? conditional() : logical_or();
}

ExprPtr ExpressionParser::conditional() {
  int line = tokens_.line();
  const size_t unknown_before = unknown.size();
  ExprPtr result = logical_or();
  while (tokens_.skip_name("if")) {
    ExprPtr test = logical_or();
    ExprPtr otherwise;
    if (tokens_.skip_name("else")) {
      const Level level(*this);
      otherwise = conditional();
    }
    unknown.resize(unknown_before);
    result = make(line, Conditional{std::move(test), std::move(result), std::move(otherwise)});
    line = tokens_.line();
  }
  return result;
}

ExprPtr ExpressionParser::logical_or() {
  const int line = tokens_.line();
  ExprPtr left = logical_and();
  while (tokens_.skip_name("or")) {
    ExprPtr right = logical_and();
    left = make(line, Logical{false, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr ExpressionParser::logical_and() {
  const int line = tokens_.line();
  ExprPtr left = logical_not();
  while (tokens_.skip_name("and")) {
    ExprPtr right = logical_not();
    left = make(line, Logical{true, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr ExpressionParser::logical_not() {
  if (!tokens_.is_name("not")) return comparison();
  const Level level(*this);
  const int line = tokens_.next().line;
  return make(line, Unary{UnaryOp::logical_not, logical_not()});
}

std::optional<CompareOp> ExpressionParser::comparison_operator() {
  static const std::map<std::string, CompareOp, std::less<>> kOperators = {
      {"==", CompareOp::equal},      {"!=", CompareOp::not_equal}, {"<", CompareOp::less},
      {"<=", CompareOp::less_equal}, {">", CompareOp::greater},    {">=", CompareOp::greater_equal}};
  if (tokens_.is(TokenType::op)) {
    const auto found = kOperators.find(tokens_.current().text);
    if (found == kOperators.end()) return std::nullopt;
    tokens_.next();
    return found->second;
  }
  if (tokens_.skip_name("in")) return CompareOp::in;
  const Token& ahead = tokens_.look();
  if (!tokens_.is_name("not") || ahead.type != TokenType::name || ahead.text != "in") return std::nullopt;
  tokens_.next();
  tokens_.next();
  return CompareOp::not_in;
}

ExprPtr ExpressionParser::comparison() {
  const int line = tokens_.line();
  Comparison result{sum(), {}};
  while (const auto op = comparison_operator()) result.rest.emplace_back(*op, sum());
  return result.rest.empty() ? std::move(result.first) : make(line, std::move(result));
}

ExprPtr ExpressionParser::sum() {
  const int line = tokens_.line();
  ExprPtr left = concat();
  while (const auto op = operator_of(tokens_.current(), {{"+", BinaryOp::add}, {"-", BinaryOp::subtract}})) {
    tokens_.next();
    ExprPtr right = concat();
    left = make(line, Binary{*op, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr ExpressionParser::concat() {
  const int line = tokens_.line();
  Concat result;
  result.parts.push_back(product());
  while (tokens_.skip_op("~")) result.parts.push_back(product());
  return result.parts.size() == 1 ? std::move(result.parts[0]) : make(line, std::move(result));
}

ExprPtr ExpressionParser::product() {
  const int line = tokens_.line();
  ExprPtr left = power();
  while (const auto op = operator_of(tokens_.current(), {{"*", BinaryOp::multiply},
                                                         {"/", BinaryOp::divide},
                                                         {"//", BinaryOp::floor_divide},
                                                         {"%", BinaryOp::modulo}})) {
    tokens_.next();
    ExprPtr right = power();
    left = make(line, Binary{*op, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr ExpressionParser::power() {
  const int line = tokens_.line();
  ExprPtr left = unary(true);
  while (tokens_.skip_op("**")) {
    ExprPtr right = unary(true);
    left = make(line, Binary{BinaryOp::power, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filter) {
  const int line = tokens_.line();
  ExprPtr result;
  if (tokens_.is_op("-") || tokens_.is_op("+")) {
    const Level level(*this);
    const UnaryOp op = tokens_.next().text == "-" ? UnaryOp::minus : UnaryOp::plus;
    result = make(line, Unary{op, unary(false)});
  } else {
    result = primary();
  }
  result = postfix(std::move(result));
  return with_filter ? filters_and_tests(std::move(result)) : std::move(result);
}

ExprPtr ExpressionParser::primary() {
  const Token token = tokens_.current();
  switch (token.type) {
    case TokenType::name:
      tokens_.next();
      if (token.text == "true" || token.text == "True") return make(token.line, Literal{true});
      if (token.text == "false" || token.text == "False") return make(token.line, Literal{false});
      if (token.text == "none" || token.text == "None") return make(token.line, Literal{Value()});
      if (on_name) on_name(token.text);
      return make(token.line, Name{token.text});
    case TokenType::string: {
      std::string text;
      while (tokens_.is(TokenType::string)) text += tokens_.next().text;
      return make(token.line, Literal{Value(std::move(text))});
    }
    case TokenType::integer:
      tokens_.next();
      return make(token.line, Literal{token.integer});
    case TokenType::real:
      tokens_.next();
      return make(token.line, Literal{token.real});
    default:
      break;
  }
  if (tokens_.is_op("[")) return list();
  if (tokens_.is_op("{")) return dict();
  if (!tokens_.skip_op("(")) throw Failure(fmt::format("unexpected {}", text_repr(describe(token))), token.line);
  ExprPtr result = tuple_items(true, {}, true);
  tokens_.expect_op(")");
  return result;
}

ExprPtr ExpressionParser::tuple(bool with_conditional, EndName end) {
  return tuple_items(with_conditional, end, false);
}

ExprPtr ExpressionParser::tuple_items(bool with_conditional, EndName end, bool in_parentheses) {
  const int line = tokens_.line();
  Sequence result{{}, true};
  bool has_comma = false;
  const auto at_end = [&] {
    return tokens_.is(TokenType::variable_end) || tokens_.is(TokenType::block_end) || tokens_.is_op(")") ||
           (!end.empty() && tokens_.is_name(end));
  };
  while (!at_end()) {
    result.items.push_back(expression(with_conditional));
    if (!tokens_.skip_op(",")) break;
    has_comma = true;
  }
  if (!has_comma && !result.items.empty()) return std::move(result.items[0]);
  if (result.items.empty() && !in_parentheses) {
    throw Failure(fmt::format("Expected an expression, got {}", text_repr(describe(tokens_.current()))),
                  tokens_.line());
  }
  return make(line, std::move(result));
}

ExprPtr ExpressionParser::list() {
  const int line = tokens_.expect_op("[").line;
  Sequence result{{}, false};
  while (!tokens_.is_op("]")) {
    if (!result.items.empty()) tokens_.expect_op(",");
    if (tokens_.is_op("]")) break;
    result.items.push_back(expression());
  }
  tokens_.expect_op("]");
  return make(line, std::move(result));
}

ExprPtr ExpressionParser::dict() {
  const int line = tokens_.expect_op("{").line;
  DictLiteral result;
  while (!tokens_.is_op("}")) {
    if (!result.pairs.empty()) tokens_.expect_op(",");
    if (tokens_.is_op("}")) break;
    ExprPtr key = expression();
    tokens_.expect_op(":");
    result.pairs.emplace_back(std::move(key), expression());
  }
  tokens_.expect_op("}");
  return make(line, std::move(result));
}

ExprPtr ExpressionParser::postfix(ExprPtr operand) {
  while (true) {
    if (tokens_.is_op(".") || tokens_.is_op("[")) {
      operand = subscript(std::move(operand));
    } else if (tokens_.is_op("(")) {
      operand = call(std::move(operand));
    } else {
      return operand;
    }
  }
}

ExprPtr ExpressionParser::subscript(ExprPtr operand) {
  const Token open = tokens_.next();
  if (open.text == "[") return bracketed(std::move(operand), open.line);
  const Token name = tokens_.next();
  if (name.type == TokenType::name) return make(open.line, Attribute{std::move(operand), name.text});
  if (name.type != TokenType::integer) throw Failure("expected name or number", name.line);
  return make(open.line, Subscript{std::move(operand), make(name.line, Literal{name.integer})});
}

ExprPtr ExpressionParser::bracketed(ExprPtr operand, int line) {
  Sequence keys{{}, true};
  SliceOf cut;
  bool is_slice = false;
  while (!tokens_.is_op("]")) {
    if (is_slice) throw Failure("a slice beside other indices is not part of this template language", line);
    if (!keys.items.empty()) tokens_.expect_op(",");
    if (!tokens_.is_op(":")) keys.items.push_back(expression());
    if (!tokens_.skip_op(":")) continue;
    if (keys.items.size() > 1)
      throw Failure("a slice beside other indices is not part of this template language", line);
    is_slice = true;
    if (!keys.items.empty()) cut.start = std::move(keys.items[0]);
    if (!tokens_.is_op(":") && !tokens_.is_op("]")) cut.stop = expression();
    if (tokens_.skip_op(":") && !tokens_.is_op("]")) cut.step = expression();
    if (!tokens_.is_op("]")) tokens_.expect_op("]");
  }
  tokens_.expect_op("]");
  if (is_slice) {
    cut.object = std::move(operand);
    return make(line, std::move(cut));
  }
  ExprPtr key = keys.items.size() == 1 ? std::move(keys.items[0]) : make(line, std::move(keys));
  return make(line, Subscript{std::move(operand), std::move(key)});
}

ExprPtr ExpressionParser::call(ExprPtr callee) {
  const int line = tokens_.line();
  Arguments given = arguments();
  return make(line, Call{std::move(callee), std::move(given)});
}

Arguments ExpressionParser::arguments() {
  const int line = tokens_.expect_op("(").line;
  Arguments result;
  bool first = true;
  while (!tokens_.is_op(")")) {
    if (!first) {
      tokens_.expect_op(",");
      if (tokens_.is_op(")")) break;
    }
    first = false;
    argument(result, line);
  }
  tokens_.expect_op(")");
  return result;
}

void ExpressionParser::argument(Arguments& given, int line) {
  const auto ensure = [&](bool holds) {
    if (!holds) throw Failure("invalid syntax for function call expression", line);
  };
  if (tokens_.skip_op("*")) {
    ensure(!given.star && !given.double_star);
    given.star = expression();
  } else if (tokens_.skip_op("**")) {
    ensure(!given.double_star);
    given.double_star = expression();
  } else if (tokens_.is(TokenType::name) && tokens_.look().type == TokenType::op && tokens_.look().text == "=") {
    ensure(!given.double_star);
    std::string name = tokens_.next().text;
    tokens_.next();
    for (const auto& other : given.named) {
      if (other.first == name) throw Failure(fmt::format("keyword argument repeated: {}", name), line);
    }
    given.named.emplace_back(std::move(name), expression());
  } else {
    ensure(!given.star && !given.double_star && given.named.empty());
    given.positional.push_back(expression());
  }
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.expect(TokenType::name).text;
  while (tokens_.skip_op(".")) name += "." + tokens_.expect(TokenType::name).text;
  return name;
}

ExprPtr ExpressionParser::filters(ExprPtr operand, bool start_inline) {
  while (start_inline || tokens_.skip_op("|")) {
    start_inline = false;
    const int line = tokens_.line();
    FilterUse use{std::move(operand), dotted_name(), {}};
    if (tokens_.is_op("(")) use.arguments = arguments();
    if (find_filter(use.name) == nullptr && !conditional_context) {
      unknown.push_back({fmt::format("No filter named '{}'.", use.name), line});
    }
    operand = make(line, std::move(use));
  }
  return operand;
}

ExprPtr ExpressionParser::filters_and_tests(ExprPtr operand) {
  while (true) {
    if (tokens_.is_op("|")) {
      operand = filters(std::move(operand), false);
    } else if (tokens_.is_name("is")) {
      operand = test(std::move(operand));
    } else if (tokens_.is_op("(")) {
      operand = call(std::move(operand));
    } else {
      return operand;
    }
  }
}

ExprPtr ExpressionParser::test(ExprPtr operand) {
  const int line = tokens_.expect_name("is").line;
  const bool negated = tokens_.skip_name("not");
  TestUse use{std::move(operand), dotted_name(), {}};
  const bool starts_argument = tokens_.is(TokenType::name) || tokens_.is(TokenType::string) ||
                               tokens_.is(TokenType::integer) || tokens_.is(TokenType::real) || tokens_.is_op("[") ||
                               tokens_.is_op("{");
  if (tokens_.is_op("(")) {
    use.arguments = arguments();
  } else if (starts_argument && !tokens_.is_name("else") && !tokens_.is_name("or") && !tokens_.is_name("and")) {
    if (tokens_.is_name("is")) throw Failure("You cannot chain multiple tests with is", tokens_.line());
    const Level level(*this);
    use.arguments.positional.push_back(postfix(primary()));
  }
  if (find_test(use.name) == nullptr && !conditional_context) {
    unknown.push_back({fmt::format("No test named '{}'.", use.name), line});
  }
  ExprPtr result = make(line, std::move(use));
  return negated ? make(line, Unary{UnaryOp::logical_not, std::move(result)}) : std::move(result);
}

}  // namespace lorica::jinja
