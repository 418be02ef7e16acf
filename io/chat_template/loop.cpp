#include "io/chat_template/loop.h"

#include <fmt/format.h>

#include "io/chat_template/operators.h"

namespace lorica::jinja {

const Value* Loop::advance() {
  if (index_ + 1 >= *length()) return nullptr;
  return &(*items_)[static_cast<size_t>(++index_)];
}

std::string Loop::repr(Budget&, int) const { return fmt::format("<LoopContext {}/{}>", index_ + 1, *length()); }

Value Loop::call(Runtime&, const CallArguments& arguments) {
  const BoundArguments bound("loop", arguments, {"iterable"});
  if (!recursion_) throw Failure("The loop must have the 'recursive' marker to be called recursively.");
  return recursion_(bound.required(0), depth_ + 1);
}

std::optional<Value> Loop::attribute(const std::string& name) {
  const int64_t size = *length();
  const auto at = [&](int64_t index) { return (*items_)[static_cast<size_t>(index)]; };
  if (name == "index") return Value(index_ + 1);
  if (name == "index0") return Value(index_);
  if (name == "revindex") return Value(size - index_);
  if (name == "revindex0") return Value(size - index_ - 1);
  if (name == "first") return Value(index_ == 0);
  if (name == "last") return Value(index_ + 1 >= size);
  if (name == "length") return Value(size);
  if (name == "depth") return Value(depth_ + 1);
  if (name == "depth0") return Value(depth_);
  if (name == "previtem") return index_ == 0 ? Value::undefined("there is no previous item") : at(index_ - 1);
  if (name == "nextitem") return index_ + 1 >= size ? Value::undefined("there is no next item") : at(index_ + 1);
  const Method method = name == "cycle" ? cycle : name == "changed" ? changed : nullptr;
  if (method == nullptr) return std::nullopt;
  return Value(std::make_shared<BoundMethod>(Value(std::shared_ptr<Object>(shared_from_this())), name, method));
}

Value Loop::cycle(Runtime&, const Value& self, const CallArguments& arguments) {
  const auto loop = self.object<Loop>();
  if (!arguments.named.empty()) throw Failure("cycle() takes no keyword arguments");
  if (arguments.positional.empty()) throw Failure("no items for cycling given");
  return arguments.positional[static_cast<size_t>(loop->index_) % arguments.positional.size()];
}

Value Loop::changed(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const auto loop = self.object<Loop>();
  if (!arguments.named.empty()) throw Failure("changed() takes no keyword arguments");
  Value seen = runtime.tuple(arguments.positional);
  if (loop->last_seen_ && jinja::equals(*loop->last_seen_, seen, runtime.budget)) return false;
  if (!std::exchange(loop->kept_, true)) runtime.keep(loop);
  loop->last_seen_ = std::move(seen);
  return true;
}

}  // namespace lorica::jinja
