#include "io/chat_template/turns.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace lorica::jinja {
namespace {

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::string_view kMessages = "messages", kPrompt = "add_generation_prompt", kLoop = "loop";
constexpr std::array<std::string_view, 3> kTailNames = {kPrompt, "bos_token", "eos_token"};
constexpr std::array<std::string_view, 5> kFixedNames = {kPrompt, "bos_token", "eos_token", kMessages, kLoop};
constexpr std::array<std::string_view, 3> kKnownSoFar = {"first", "index", "index0"};

bool is_name(const Expr& expr, std::string_view name) {
  const auto* found = std::get_if<Name>(&expr.node);
  return found != nullptr && found->name == name;
}

bool is_zero(const Expr& expr) {
  const auto* literal = std::get_if<Literal>(&expr.node);
  return literal != nullptr && literal->value.as<int64_t>() != nullptr && *literal->value.as<int64_t>() == 0;
}

/// Checks code by a list of what is allowed: a construct that it does not name is refused.
class TurnCheck {
 public:
  enum class Place { kBefore, kTurn, kInnerLoop, kTail };
  explicit TurnCheck(Place place) : place_(place) {}

  bool allows(const Block& block) const {
    return std::all_of(block.begin(), block.end(), [&](const auto& statement) { return allows(*statement); });
  }
  bool allows(const Statement& statement) const {
    return std::visit([&](const auto& node) { return allows_node(node); }, statement.node);
  }

 private:
  bool in_tail() const { return place_ == Place::kTail; }

  bool allows(const Expr& expr) const {
    return std::visit([&](const auto& node) { return allows_node(node); }, expr.node);
  }
  bool allows(const ExprPtr& expr) const { return !expr || allows(*expr); }
  bool allows(const Exprs& exprs) const {
    return std::all_of(exprs.begin(), exprs.end(), [&](const ExprPtr& expr) { return allows(expr); });
  }
  bool allows(const Arguments& arguments) const {
    return !arguments.star && !arguments.double_star && allows(arguments.positional) &&
           std::all_of(arguments.named.begin(), arguments.named.end(),
                       [&](const auto& argument) { return allows(argument.second); });
  }

  bool allows_node(const TextOut&) const { return true; }
  bool allows_node(const Print& node) const { return allows(node.values); }
  bool allows_node(const If& node) const {
    return allows(node.otherwise) && std::all_of(node.branches.begin(), node.branches.end(), [&](const auto& branch) {
             return allows(branch.first) && allows(branch.second);
           });
  }
  bool allows_node(const Set& node) const {
    return !in_tail() && !node.target.is_tuple && !is_one_of(kFixedNames, node.target.name) && allows(node.value);
  }
  bool allows_node(const For& node) const {
    const bool simple = !node.recursive && !node.target.is_tuple && !is_one_of(kFixedNames, node.target.name);
    return !in_tail() && simple && allows(node.iterable) && allows(node.test) && allows(node.otherwise) &&
           TurnCheck(Place::kInnerLoop).allows(node.body);
  }

  bool allows_node(const Literal&) const { return true; }
  bool allows_node(const Name& node) const {
    if (in_tail()) return is_one_of(kTailNames, node.name);
    if (node.name == kLoop) return place_ == Place::kInnerLoop;
    return node.name != kMessages && node.name != kPrompt;
  }
  bool allows_node(const Attribute& node) const {
    if (place_ == Place::kTurn && is_name(*node.object, kLoop)) return is_one_of(kKnownSoFar, node.name);
    return allows(node.object);
  }
  /// messages[0] is there as soon as there is a message.
  bool allows_node(const Subscript& node) const {
    if (!in_tail() && is_name(*node.object, kMessages)) return is_zero(*node.index);
    return allows(node.object) && allows(node.index);
  }
  bool allows_node(const Unary& node) const { return allows(node.operand); }
  bool allows_node(const Binary& node) const { return allows(node.left) && allows(node.right); }
  bool allows_node(const Logical& node) const { return allows(node.left) && allows(node.right); }
  bool allows_node(const Concat& node) const { return allows(node.parts); }
  bool allows_node(const Comparison& node) const {
    return allows(node.first) &&
           std::all_of(node.rest.begin(), node.rest.end(), [&](const auto& part) { return allows(part.second); });
  }
  bool allows_node(const Conditional& node) const {
    return allows(node.test) && allows(node.then) && allows(node.otherwise);
  }
  // A call can change what later code sees, which in a tail would make its first run unlike its second.
  bool allows_node(const Call& node) const { return !in_tail() && allows(node.callee) && allows(node.arguments); }
  bool allows_node(const FilterUse& node) const { return !in_tail() && allows(node.operand) && allows(node.arguments); }
  bool allows_node(const TestUse& node) const { return !in_tail() && allows(node.operand) && allows(node.arguments); }
  template <class Other>
  bool allows_node(const Other&) const {
    return false;
  }

  Place place_;
};

bool is_turn_loop(const For& loop) {
  return is_name(*loop.iterable, kMessages) && !loop.test && !loop.recursive && loop.otherwise.empty() &&
         !loop.target.is_tuple && !is_one_of(kFixedNames, loop.target.name) &&
         TurnCheck(TurnCheck::Place::kTurn).allows(loop.body);
}

}  // namespace

const For* find_turn_loop(const Block& body, size_t& index) {
  for (index = 0; index < body.size(); ++index) {
    const auto* loop = std::get_if<For>(&body[index]->node);
    if (loop == nullptr || !is_name(*loop->iterable, kMessages)) continue;
    const auto split = body.begin() + static_cast<std::ptrdiff_t>(index);
    const auto all = [](auto first, auto last, TurnCheck::Place place) {
      return std::all_of(first, last, [&](const auto& statement) { return TurnCheck(place).allows(*statement); });
    };
    return is_turn_loop(*loop) && all(body.begin(), split, TurnCheck::Place::kBefore) &&
                   all(split + 1, body.end(), TurnCheck::Place::kTail)
               ? loop
               : nullptr;
  }
  return nullptr;
}

}  // namespace lorica::jinja
