#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/chat_template/ast.h"
#include "io/chat_template/runtime.h"
#include "io/chat_template/turn.h"
#include "io/tokenizer/function_ref.h"

namespace lorica::jinja {

/// The variables of one block of a template, inside those of the block around it.
class Scope {
 public:
  explicit Scope(std::shared_ptr<Scope> outer = nullptr) : outer_(std::move(outer)) {}
  void set(const std::string& name, Value value);
  /// Looks outwards; null when no scope has the name.
  const Value* find(const std::string& name) const;
  void clear() { variables_.clear(); }

 private:
  std::shared_ptr<Scope> outer_;
  std::vector<std::pair<std::string, Value>> variables_;
};
using ScopePtr = std::shared_ptr<Scope>;

/// Runs one template once.
class Interpreter {
 public:
  /// `marks_turns`: only for a template with a turn loop.
  Interpreter(const Template& source, Runtime& runtime, bool marks_generation, bool marks_turns)
      : template_(source), runtime_(runtime), marks_generation_(marks_generation), marks_turns_(marks_turns) {}
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// Throws Failure with the line of the innermost expression or statement that failed.
  std::string run(std::vector<std::pair<std::string, Value>> variables);
  /// Byte ranges of the text inside {% generation %} blocks, in order.
  const std::vector<std::pair<size_t, size_t>>& generation() const { return generation_; }
  /// One for each message.
  std::vector<Turn> take_turns() { return std::move(turns_); }

  /// Runs a macro's body with its arguments; `caller` is set for a call block's macro.
  Value call_macro(const MacroBody& macro, const ScopePtr& scope, const CallArguments& arguments);

 private:
  enum class Flow { next, leave_loop, next_round };

  // Expressions and statements inside one another, macro calls included. At a kilobyte or two a level (with sanitizers)
  // this stays well inside an 8 MB stack.
  static constexpr int kMaxDepth = 900;

  /// Counts one level of running code for as long as it lives.
  class Deeper {
   public:
    explicit Deeper(Interpreter& interpreter) : interpreter_(interpreter) {
      interpreter.runtime_.budget.step();
      if (interpreter.depth_ >= kMaxDepth) throw Failure("macros call each other too deeply");
      ++interpreter.depth_;
    }
    ~Deeper() { --interpreter_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Interpreter& interpreter_;
  };

  Flow run_block(const Block& block, const ScopePtr& scope);
  Flow run_statement(const Statement& statement, const ScopePtr& scope);
  Flow run_node(const TextOut& node, const ScopePtr& scope);
  Flow run_node(const Print& node, const ScopePtr& scope);
  Flow run_node(const If& node, const ScopePtr& scope);
  Flow run_node(const For& node, const ScopePtr& scope);
  Flow run_node(const Set& node, const ScopePtr& scope);
  Flow run_node(const SetBlock& node, const ScopePtr& scope);
  Flow run_node(const MacroDefinition& node, const ScopePtr& scope);
  Flow run_node(const CallBlock& node, const ScopePtr& scope);
  Flow run_node(const FilterBlock& node, const ScopePtr& scope);
  Flow run_node(const With& node, const ScopePtr& scope);
  Flow run_node(const NamedBlock& node, const ScopePtr& scope);
  Flow run_node(const Generation& node, const ScopePtr& scope);
  Flow run_node(const Break&, const ScopePtr&) { return Flow::leave_loop; }
  Flow run_node(const Continue&, const ScopePtr&) { return Flow::next_round; }

  SharedValues loop_items(const For& node, const Value& iterable, const ScopePtr& scope);
  Flow run_loop(const For& node, const Value& iterable, const ScopePtr& scope, int64_t depth);
  /// A recursive loop, or what loop(items) makes of its body.
  Value run_recursion(const For& node, const Value& iterable, const ScopePtr& scope, int64_t depth);
  /// Runs something with its output kept aside.
  std::string capture(FunctionRef<void()> body);
  void assign(const Target& target, const Value& value, const ScopePtr& scope);
  void put(const std::string& text);
  void mark_turn();
  std::string tail(bool add_generation_prompt);
  Value make_macro(const MacroBody& macro, const ScopePtr& scope);

  Value eval(const Expr& expr, const ScopePtr& scope);
  Value eval_or_none(const ExprPtr& expr, const ScopePtr& scope) { return expr ? eval(*expr, scope) : Value(); }
  Value eval_node(const Literal& node, const ScopePtr&, int) { return node.value; }
  Value eval_node(const Name& node, const ScopePtr& scope, int);
  Value eval_node(const Sequence& node, const ScopePtr& scope, int);
  Value eval_node(const DictLiteral& node, const ScopePtr& scope, int);
  Value eval_node(const Unary& node, const ScopePtr& scope, int);
  Value eval_node(const Binary& node, const ScopePtr& scope, int);
  Value eval_node(const Logical& node, const ScopePtr& scope, int);
  Value eval_node(const Concat& node, const ScopePtr& scope, int);
  Value eval_node(const Comparison& node, const ScopePtr& scope, int);
  Value eval_node(const Conditional& node, const ScopePtr& scope, int line);
  Value eval_node(const Attribute& node, const ScopePtr& scope, int);
  Value eval_node(const Subscript& node, const ScopePtr& scope, int);
  Value eval_node(const SliceOf& node, const ScopePtr& scope, int);
  Value eval_node(const Call& node, const ScopePtr& scope, int);
  Value eval_node(const FilterUse& node, const ScopePtr& scope, int);
  Value eval_node(const TestUse& node, const ScopePtr& scope, int);

  CallArguments eval_arguments(const Arguments& arguments, const ScopePtr& scope);
  /// A chain of filters whose innermost operand is the given value.
  Value apply_filters(const Expr& filter, const Value& value, const ScopePtr& scope);
  Value apply_filter(const FilterUse& use, const Value& operand, const ScopePtr& scope);

  const Template& template_;
  Runtime& runtime_;
  bool marks_generation_, marks_turns_;
  ScopePtr top_;  ///< the variables of the template outside all blocks
  std::string out_;
  int captures_ = 0;  ///< blocks around whose output is kept aside
  bool in_generation_ = false;
  int depth_ = 0;
  std::vector<std::pair<size_t, size_t>> generation_;
  std::vector<Turn> turns_;
  std::vector<ScopePtr> closures_;  ///< scopes that macros hold, and so may hold themselves
};

}  // namespace lorica::jinja
