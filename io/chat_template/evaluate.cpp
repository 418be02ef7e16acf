#include <fmt/format.h>

#include "io/chat_template/filters.h"
#include "io/chat_template/interpreter.h"
#include "io/chat_template/lookup.h"
#include "io/chat_template/predicates.h"
#include "io/chat_template/python_text.h"

namespace lorica::jinja {

Value Interpreter::eval_node(const Name& node, const ScopePtr& scope, int) {
  const Value* found = scope->find(node.name);
  return found != nullptr ? *found : Value::undefined(fmt::format("{} is undefined", text_repr(node.name)));
}

Value Interpreter::eval_node(const Sequence& node, const ScopePtr& scope, int) {
  Values items;
  items.reserve(node.items.size());
  for (const ExprPtr& item : node.items) items.push_back(eval(*item, scope));
  return node.is_tuple ? runtime_.tuple(std::move(items)) : runtime_.list(std::move(items));
}

Value Interpreter::eval_node(const DictLiteral& node, const ScopePtr& scope, int) {
  DictItems items;
  for (const auto& [key, value] : node.pairs) {
    Value name = eval(*key, scope);
    jinja::assign(items, std::move(name), eval(*value, scope), runtime_.budget);
  }
  return Value::dict(std::move(items));
}

Value Interpreter::eval_node(const Unary& node, const ScopePtr& scope, int) {
  const Value operand = eval(*node.operand, scope);
  if (node.op == UnaryOp::logical_not) return !truth(operand);
  return node.op == UnaryOp::minus ? negate(operand) : positive(operand);
}

Value Interpreter::eval_node(const Binary& node, const ScopePtr& scope, int) {
  const Value left = eval(*node.left, scope);
  return binary(node.op, left, eval(*node.right, scope), runtime_.budget);
}

Value Interpreter::eval_node(const Logical& node, const ScopePtr& scope, int) {
  Value left = eval(*node.left, scope);
  return truth(left) == node.is_and ? eval(*node.right, scope) : left;
}

Value Interpreter::eval_node(const Concat& node, const ScopePtr& scope, int) {
  std::string out;
  for (const ExprPtr& part : node.parts) {
    const std::string text = to_text(eval(*part, scope), runtime_.budget);
    runtime_.budget.bytes(text.size());
    out += text;
  }
  return Value(std::move(out));
}

Value Interpreter::eval_node(const Comparison& node, const ScopePtr& scope, int) {
  Value left = eval(*node.first, scope);
  for (const auto& [op, operand] : node.rest) {
    Value right = eval(*operand, scope);
    if (!compare(op, left, right, runtime_.budget)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::eval_node(const Conditional& node, const ScopePtr& scope, int line) {
  if (truth(eval(*node.test, scope))) return eval(*node.then, scope);
  if (node.otherwise) return eval(*node.otherwise, scope);
  return Value::undefined(
      fmt::format("the inline if-expression on line {} evaluated to false and no else section was defined.", line));
}

Value Interpreter::eval_node(const Attribute& node, const ScopePtr& scope, int) {
  return get_attribute(runtime_, eval(*node.object, scope), node.name);
}

Value Interpreter::eval_node(const Subscript& node, const ScopePtr& scope, int) {
  const Value object = eval(*node.object, scope);
  return get_item(runtime_, object, eval(*node.index, scope));
}

Value Interpreter::eval_node(const SliceOf& node, const ScopePtr& scope, int) {
  const Value object = eval(*node.object, scope);
  const Value start = eval_or_none(node.start, scope), stop = eval_or_none(node.stop, scope);
  return slice(runtime_, object, start, stop, eval_or_none(node.step, scope));
}

Value Interpreter::eval_node(const Call& node, const ScopePtr& scope, int) {
  const Value callee = eval(*node.callee, scope);
  return call(runtime_, callee, eval_arguments(node.arguments, scope));
}

Value Interpreter::eval_node(const FilterUse& node, const ScopePtr& scope, int) {
  return apply_filter(node, eval(*node.operand, scope), scope);
}

Value Interpreter::eval_node(const TestUse& node, const ScopePtr& scope, int) {
  const Test test = find_test(node.name);
  if (test == nullptr) throw Failure(fmt::format("No test named '{}' found.", node.name));
  const Value operand = eval(*node.operand, scope);
  return test(runtime_, operand, eval_arguments(node.arguments, scope));
}

Value Interpreter::eval(const Expr& expr, const ScopePtr& scope) {
  try {
    const Deeper deeper(*this);
    return std::visit([&](const auto& node) { return eval_node(node, scope, expr.line); }, expr.node);
  } catch (Failure& failure) {
    if (failure.line == 0) failure.line = expr.line;
    throw;
  }
}

CallArguments Interpreter::eval_arguments(const Arguments& arguments, const ScopePtr& scope) {
  CallArguments out;
  out.positional.reserve(arguments.positional.size());
  for (const ExprPtr& value : arguments.positional) out.positional.push_back(eval(*value, scope));
  if (arguments.star) {
    const SharedValues more = iterate(eval(*arguments.star, scope), runtime_.budget);
    out.positional.insert(out.positional.end(), more->begin(), more->end());
  }
  for (const auto& [name, value] : arguments.named) out.named.emplace_back(name, eval(*value, scope));
  if (!arguments.double_star) return out;
  const Value more = eval(*arguments.double_star, scope);
  if (more.pairs() == nullptr) {
    throw Failure(fmt::format("argument after ** must be a mapping, not {}", type_name(more)));
  }
  for (const auto& [name, value] : *more.pairs()) {
    if (!name.is_text()) throw Failure("keywords must be strings");
    for (const auto& other : out.named) {
      if (other.first == name.text()) {
        throw Failure(fmt::format("got multiple values for keyword argument '{}'", other.first));
      }
    }
    out.named.emplace_back(name.text(), value);
  }
  return out;
}

Value Interpreter::apply_filter(const FilterUse& use, const Value& operand, const ScopePtr& scope) {
  const Filter filter = find_filter(use.name);
  if (filter == nullptr) throw Failure(fmt::format("No filter named '{}' found.", use.name));
  return filter(runtime_, operand, eval_arguments(use.arguments, scope));
}

Value Interpreter::apply_filters(const Expr& filter, const Value& value, const ScopePtr& scope) {
  const auto& use = std::get<FilterUse>(filter.node);
  try {
    return apply_filter(use, use.operand ? apply_filters(*use.operand, value, scope) : value, scope);
  } catch (Failure& failure) {
    if (failure.line == 0) failure.line = filter.line;
    throw;
  }
}

}  // namespace lorica::jinja
