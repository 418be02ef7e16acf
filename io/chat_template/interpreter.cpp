#include "io/chat_template/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/chat_template/globals.h"
#include "io/chat_template/lookup.h"
#include "io/chat_template/loop.h"
#include "io/chat_template/python_text.h"

namespace lorica::jinja {

namespace {

/// {% macro %} as a value.
class Macro : public Object {
 public:
  Macro(Interpreter& interpreter, const MacroBody& body, ScopePtr scope)
      : interpreter_(interpreter), body_(body), scope_(std::move(scope)) {}
  std::string_view type_name() const override { return "Macro"; }
  std::string repr(Budget&, int) const override { return fmt::format("<Macro {}>", text_repr(body_.name)); }
  bool is_callable() const override { return true; }
  Value call(Runtime&, const CallArguments& arguments) override {
    const ScopePtr scope = scope_;
    return interpreter_.call_macro(body_, scope, arguments);
  }
  std::optional<Value> attribute(const std::string& name) override {
    if (name == "name") return Value(body_.name);
    if (name == "catch_varargs") return body_.uses_varargs;
    if (name == "catch_kwargs") return body_.uses_kwargs;
    if (name == "caller") return body_.uses_caller;
    if (name != "arguments") return std::nullopt;
    Values names;
    for (const std::string& parameter : body_.parameters) names.emplace_back(parameter);
    return Value::tuple(std::move(names));
  }

 private:
  Interpreter& interpreter_;
  const MacroBody& body_;
  ScopePtr scope_;
};

}  // namespace

void Scope::set(const std::string& name, Value value) {
  for (auto& variable : variables_) {
    if (variable.first == name) {
      variable.second = std::move(value);
      return;
    }
  }
  variables_.emplace_back(name, std::move(value));
}

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_.get()) {
    for (const auto& variable : scope->variables_) {
      if (variable.first == name) return &variable.second;
    }
  }
  return nullptr;
}

Interpreter::~Interpreter() {
  for (const ScopePtr& scope : closures_) scope->clear();
}

std::string Interpreter::run(std::vector<std::pair<std::string, Value>> variables) {
  const auto context = std::make_shared<Scope>();
  for (auto& [name, value] : variables) context->set(name, std::move(value));
  top_ = std::make_shared<Scope>(context);
  run_block(template_.body, top_);
  return std::move(out_);
}

Interpreter::Flow Interpreter::run_block(const Block& block, const ScopePtr& scope) {
  for (const auto& statement : block) {
    const Flow flow = run_statement(*statement, scope);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::run_statement(const Statement& statement, const ScopePtr& scope) {
  try {
    const Deeper deeper(*this);
    return std::visit([&](const auto& node) { return run_node(node, scope); }, statement.node);
  } catch (Failure& failure) {
    if (failure.line == 0) failure.line = statement.line;
    throw;
  }
}

void Interpreter::put(const std::string& text) {
  runtime_.budget.bytes(text.size());
  out_ += text;
}

Interpreter::Flow Interpreter::run_node(const TextOut& node, const ScopePtr&) {
  put(node.text);
  return Flow::next;
}

Interpreter::Flow Interpreter::run_node(const Print& node, const ScopePtr& scope) {
  for (const ExprPtr& value : node.values) put(to_text(eval(*value, scope), runtime_.budget));
  return Flow::next;
}

Interpreter::Flow Interpreter::run_node(const If& node, const ScopePtr& scope) {
  for (const auto& [test, then] : node.branches) {
    if (truth(eval(*test, scope))) return run_block(then, scope);
  }
  return run_block(node.otherwise, scope);
}

SharedValues Interpreter::loop_items(const For& node, const Value& iterable, const ScopePtr& scope) {
  const SharedValues all = iterate(iterable, runtime_.budget);
  if (!node.test) return all;
  auto kept = std::make_shared<Values>();
  for (const Value& item : *all) {
    const auto inner = std::make_shared<Scope>(scope);
    assign(node.target, item, inner);
    if (truth(eval(*node.test, inner))) kept->push_back(item);
  }
  runtime_.budget.bytes(kept->size(), sizeof(Value));
  return kept;
}

Interpreter::Flow Interpreter::run_node(const For& node, const ScopePtr& scope) {
  const Value iterable = eval(*node.iterable, scope);
  if (!node.recursive) return run_loop(node, iterable, scope, 0);
  put(to_text(run_recursion(node, iterable, scope, 0), runtime_.budget));
  return Flow::next;
}

Value Interpreter::run_recursion(const For& node, const Value& iterable, const ScopePtr& scope, int64_t depth) {
  const Deeper deeper(*this);
  return Value(capture([&] { run_loop(node, iterable, scope, depth); }));
}

Interpreter::Flow Interpreter::run_loop(const For& node, const Value& iterable, const ScopePtr& scope, int64_t depth) {
  Loop::Recursion recursion;
  if (node.recursive) {
    recursion = [this, &node, scope](const Value& items, int64_t below) {
      return run_recursion(node, items, scope, below);
    };
  }
  const auto loop = std::make_shared<Loop>(loop_items(node, iterable, scope), depth, std::move(recursion));
  const Value loop_value{std::shared_ptr<Object>(loop)};
  bool finished_a_round = false;
  while (const Value* item = loop->advance()) {
    runtime_.budget.step();
    const auto inner = std::make_shared<Scope>(scope);
    inner->set("loop", loop_value);
    assign(node.target, *item, inner);
    const Flow flow = run_block(node.body, inner);
    finished_a_round = finished_a_round || flow == Flow::next;
    if (marks_turns_ && &node == template_.turn_loop) mark_turn();
    if (flow == Flow::leave_loop) break;
  }
  // Jinja takes the else branch when no round came to its end, be it for want of items or by break and continue.
  if (!finished_a_round) return run_block(node.otherwise, std::make_shared<Scope>(scope));
  return Flow::next;
}

Interpreter::Flow Interpreter::run_node(const Set& node, const ScopePtr& scope) {
  assign(node.target, eval(*node.value, scope), scope);
  return Flow::next;
}

void Interpreter::mark_turn() {
  std::string close = tail(false);
  turns_.push_back({out_.size(), std::move(close), tail(true)});
}

/// What the template would write if this were its last turn.
std::string Interpreter::tail(bool add_generation_prompt) {
  const auto scope = std::make_shared<Scope>(top_);
  scope->set("add_generation_prompt", add_generation_prompt);
  return capture([&] {
    for (size_t i = template_.turn_loop_index + 1; i < template_.body.size(); ++i) {
      run_statement(*template_.body[i], scope);
    }
  });
}

std::string Interpreter::capture(FunctionRef<void()> body) {
  std::string before = std::exchange(out_, {});
  ++captures_;
  body();
  --captures_;
  return std::exchange(out_, std::move(before));
}

Interpreter::Flow Interpreter::run_node(const SetBlock& node, const ScopePtr& scope) {
  Flow flow = Flow::next;
  Value text(capture([&] { flow = run_block(node.body, std::make_shared<Scope>(scope)); }));
  if (flow != Flow::next) return flow;
  if (node.filter) text = apply_filters(*node.filter, text, scope);
  assign(node.target, text, scope);
  return Flow::next;
}

Value Interpreter::make_macro(const MacroBody& macro, const ScopePtr& scope) {
  if (closures_.empty() || closures_.back() != scope) closures_.push_back(scope);
  return Value(std::make_shared<Macro>(*this, macro, scope));
}

Interpreter::Flow Interpreter::run_node(const MacroDefinition& node, const ScopePtr& scope) {
  scope->set(node.macro->name, make_macro(*node.macro, scope));
  return Flow::next;
}

Interpreter::Flow Interpreter::run_node(const CallBlock& node, const ScopePtr& scope) {
  const Call& target = std::get<Call>(node.call->node);
  const Value callee = eval(*target.callee, scope);
  CallArguments arguments = eval_arguments(target.arguments, scope);
  arguments.named.emplace_back("caller", make_macro(*node.caller, scope));
  put(to_text(call(runtime_, callee, arguments), runtime_.budget));
  return Flow::next;
}

Interpreter::Flow Interpreter::run_node(const FilterBlock& node, const ScopePtr& scope) {
  const auto inner = std::make_shared<Scope>(scope);
  Flow flow = Flow::next;
  const Value text(capture([&] { flow = run_block(node.body, inner); }));
  if (flow == Flow::next) put(to_text(apply_filters(*node.filter, text, inner), runtime_.budget));
  return flow;
}

Interpreter::Flow Interpreter::run_node(const With& node, const ScopePtr& scope) {
  const auto inner = std::make_shared<Scope>(scope);
  for (const auto& [target, value] : node.variables) assign(target, eval(*value, scope), inner);
  return run_block(node.body, inner);
}

Interpreter::Flow Interpreter::run_node(const NamedBlock& node, const ScopePtr& scope) {
  return run_block(node.body, std::make_shared<Scope>(node.scoped ? scope : top_));
}

Interpreter::Flow Interpreter::run_node(const Generation& node, const ScopePtr& scope) {
  const bool is_outermost = !std::exchange(in_generation_, true);
  if (marks_generation_ && is_outermost && captures_ > 0) {
    throw Failure("a generation block inside a macro, call, filter or set block has no place in the text to mark");
  }
  const size_t start = out_.size();
  run_block(node.body, std::make_shared<Scope>(scope));
  if (is_outermost) {
    in_generation_ = false;
    generation_.emplace_back(start, out_.size());
  }
  return Flow::next;
}

void Interpreter::assign(const Target& target, const Value& value, const ScopePtr& scope) {
  if (!target.attribute.empty()) {
    const Value* holder = scope->find(target.name);
    const auto space = holder == nullptr ? nullptr : holder->object<Namespace>();
    if (space == nullptr) throw Failure("cannot assign attribute on non-namespace object");
    space->set(target.attribute, value);
  } else if (!target.is_tuple) {
    scope->set(target.name, value);
  } else {
    if (!is_iterable(value)) throw Failure(fmt::format("cannot unpack non-iterable {} object", type_name(value)));
    const SharedValues items = iterate(value, runtime_.budget);
    const size_t wanted = target.parts.size();
    if (items->size() > wanted) throw Failure(fmt::format("too many values to unpack (expected {})", wanted));
    if (items->size() < wanted) {
      throw Failure(fmt::format("not enough values to unpack (expected {}, got {})", wanted, items->size()));
    }
    for (size_t i = 0; i < wanted; ++i) assign(target.parts[i], (*items)[i], scope);
  }
}

Value Interpreter::call_macro(const MacroBody& macro, const ScopePtr& scope, const CallArguments& arguments) {
  const Deeper deeper(*this);
  const auto inner = std::make_shared<Scope>(scope);
  const size_t count = macro.parameters.size();
  std::vector<const Value*> given(count, nullptr);
  for (size_t i = 0; i < std::min(count, arguments.positional.size()); ++i) given[i] = &arguments.positional[i];
  DictItems extra;
  Value caller = Value::undefined("No caller defined");
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(macro.parameters.begin(), macro.parameters.end(), name) - macro.parameters.begin();
    const auto index = static_cast<size_t>(found);
    if (index < count && given[index] == nullptr) {
      given[index] = &value;
    } else if (macro.uses_caller && name == "caller") {
      caller = value;
    } else if (macro.uses_kwargs) {
      extra.pairs.emplace_back(name, value);
    } else {
      throw Failure(fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, name));
    }
  }
  if (macro.uses_varargs) {
    const size_t used = std::min(count, arguments.positional.size());
    inner->set("varargs", runtime_.tuple({arguments.positional.begin() + static_cast<std::ptrdiff_t>(used),
                                          arguments.positional.end()}));
  } else if (arguments.positional.size() > count) {
    throw Failure(fmt::format("macro '{}' takes not more than {} argument(s)", macro.name, count));
  }
  if (macro.uses_caller) inner->set("caller", caller);
  if (macro.uses_kwargs) inner->set("kwargs", Value::dict(std::move(extra)));
  const size_t first_default = count - macro.defaults.size();
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = macro.parameters[i];
    inner->set(name, given[i] != nullptr  ? *given[i]
                     : i >= first_default ? eval(*macro.defaults[i - first_default], inner)
                                          : Value::undefined(fmt::format("parameter '{}' was not provided", name)));
  }
  return Value(capture([&] { run_block(macro.body, inner); }));
}

}  // namespace lorica::jinja
