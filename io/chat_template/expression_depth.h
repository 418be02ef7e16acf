#pragma once
#include <algorithm>

#include "io/chat_template/ast.h"

namespace lorica::jinja {

/// Depth of the deepest operand of a node.
struct Deepest {
  static int of(const ExprPtr& one) { return one ? one->depth : 0; }
  static int of(const Exprs& all) {
    int depth = 0;
    for (const ExprPtr& one : all) depth = std::max(depth, of(one));
    return depth;
  }
  static int of(const Arguments& given) {
    int depth = std::max({of(given.positional), of(given.star), of(given.double_star)});
    for (const auto& [name, value] : given.named) depth = std::max(depth, of(value));
    return depth;
  }
  int operator()(const Literal&) const { return 0; }
  int operator()(const Name&) const { return 0; }
  int operator()(const Sequence& node) const { return of(node.items); }
  int operator()(const DictLiteral& node) const {
    int depth = 0;
    for (const auto& [key, value] : node.pairs) depth = std::max({depth, of(key), of(value)});
    return depth;
  }
  int operator()(const Unary& node) const { return of(node.operand); }
  int operator()(const Binary& node) const { return std::max(of(node.left), of(node.right)); }
  int operator()(const Logical& node) const { return std::max(of(node.left), of(node.right)); }
  int operator()(const Concat& node) const { return of(node.parts); }
  int operator()(const Comparison& node) const {
    int depth = of(node.first);
    for (const auto& [op, operand] : node.rest) depth = std::max(depth, of(operand));
    return depth;
  }
  int operator()(const Conditional& node) const { return std::max({of(node.test), of(node.then), of(node.otherwise)}); }
  int operator()(const Attribute& node) const { return of(node.object); }
  int operator()(const Subscript& node) const { return std::max(of(node.object), of(node.index)); }
  int operator()(const SliceOf& node) const {
    return std::max({of(node.object), of(node.start), of(node.stop), of(node.step)});
  }
  int operator()(const Call& node) const { return std::max(of(node.callee), of(node.arguments)); }
  int operator()(const FilterUse& node) const { return std::max(of(node.operand), of(node.arguments)); }
  int operator()(const TestUse& node) const { return std::max(of(node.operand), of(node.arguments)); }
};

}  // namespace lorica::jinja
