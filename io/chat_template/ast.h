#pragma once
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "io/chat_template/operators.h"
#include "io/chat_template/value.h"

namespace lorica::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;
using Exprs = std::vector<ExprPtr>;

struct Arguments {
  Exprs positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star, double_star;  ///< *args and **kwargs, or null
};

struct Literal {
  Value value;
};
struct Name {
  std::string name;
};
struct Sequence {
  Exprs items;
  bool is_tuple;
};
struct DictLiteral {
  std::vector<std::pair<ExprPtr, ExprPtr>> pairs;
};
enum class UnaryOp { logical_not, minus, plus };
struct Unary {
  UnaryOp op;
  ExprPtr operand;
};
struct Binary {
  BinaryOp op;
  ExprPtr left, right;
};
struct Logical {
  bool is_and;
  ExprPtr left, right;
};
/// a ~ b ~ c
struct Concat {
  Exprs parts;
};
/// a < b <= c
struct Comparison {
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
/// a if test else b; `otherwise` may be null
struct Conditional {
  ExprPtr test, then, otherwise;
};
struct Attribute {
  ExprPtr object;
  std::string name;
};
struct Subscript {
  ExprPtr object, index;
};
/// object[start:stop:step]; each bound may be null
struct SliceOf {
  ExprPtr object, start, stop, step;
};
struct Call {
  ExprPtr callee;
  Arguments arguments;
};
/// operand | name(arguments); the operand is null at the start of a {% filter %} or {% set x | filter %}
struct FilterUse {
  ExprPtr operand;
  std::string name;
  Arguments arguments;
};
struct TestUse {
  ExprPtr operand;
  std::string name;
  Arguments arguments;
};

struct Expr {
  int line;
  int depth;  ///< of the tree below, 1 for a leaf
  std::variant<Literal, Name, Sequence, DictLiteral, Unary, Binary, Logical, Concat, Comparison, Conditional, Attribute,
               Subscript, SliceOf, Call, FilterUse, TestUse>
      node;
};

/// What an assignment writes to: a name, a namespace's attribute, or a tuple of targets.
struct Target {
  int line;
  std::string name;
  std::string attribute;  ///< empty unless name.attribute
  std::vector<Target> parts;
  bool is_tuple = false;
};

struct Statement;
using Block = std::vector<std::unique_ptr<const Statement>>;

/// Parameters and body of a macro or a call block.
struct MacroBody {
  std::string name;
  std::vector<std::string> parameters;
  Exprs defaults;  ///< of the last parameters
  Block body;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct TextOut {
  std::string text;
};
struct Print {
  Exprs values;
};
struct If {
  std::vector<std::pair<ExprPtr, Block>> branches;
  Block otherwise;
};
struct For {
  Target target;
  ExprPtr iterable, test;  ///< test: the loop's own `if`, or null
  Block body, otherwise;
  bool recursive = false;
};
struct Set {
  Target target;
  ExprPtr value;
};
struct SetBlock {
  Target target;
  ExprPtr filter;  ///< may be null
  Block body;
};
struct MacroDefinition {
  std::unique_ptr<const MacroBody> macro;
};
struct CallBlock {
  ExprPtr call;  ///< holds a Call
  std::unique_ptr<const MacroBody> caller;
};
struct FilterBlock {
  ExprPtr filter;
  Block body;
};
struct With {
  std::vector<std::pair<Target, ExprPtr>> variables;
  Block body;
};
/// {% block name %}, rendered where it stands: no other template can fill it.
struct NamedBlock {
  bool scoped;  ///< sees the variables around it, not only those of the template's top
  Block body;
};
struct Generation {
  Block body;
};
struct Break {};
struct Continue {};

struct Statement {
  int line;
  std::variant<TextOut, Print, If, For, Set, SetBlock, MacroDefinition, CallBlock, FilterBlock, With, NamedBlock,
               Generation, Break, Continue>
      node;
};

struct Template {
  Block body;
  bool has_generation = false;
  const For* turn_loop = nullptr;  ///< see find_turn_loop()
  size_t turn_loop_index = 0;
};

}  // namespace lorica::jinja
