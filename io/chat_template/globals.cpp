#include "io/chat_template/globals.h"

#include <fmt/format.h>

#include "io/chat_template/operators.h"
#include "io/chat_template/python_text.h"

namespace lorica::jinja {

namespace {

constexpr int64_t kMaxRange = 100000;

/// cycler(...): gives its items in turn.
class Cycler : public Object {
 public:
  explicit Cycler(Values items) : Object(nesting_of(items)), items_(std::move(items)) {}
  std::string_view type_name() const override { return "Cycler"; }

  std::optional<Value> attribute(const std::string& name) override {
    if (name == "current") return items_[at_];
    if (name == "next") return method(name, next_item);
    if (name == "reset") return method(name, reset);
    return std::nullopt;
  }

 private:
  /// The method holds the cycler only weakly: it must not outlive the variable that keeps the cycler.
  Value method(const std::string& name, Method body) {
    return Value(std::make_shared<BoundMethod>(Value(self_.lock()), name, body));
  }
  static Value next_item(Runtime&, const Value& self, const CallArguments& arguments) {
    const BoundArguments none("next", arguments, {});
    const auto cycler = self.object<Cycler>();
    Value item = cycler->items_[cycler->at_];
    cycler->at_ = (cycler->at_ + 1) % cycler->items_.size();
    return item;
  }
  static Value reset(Runtime&, const Value& self, const CallArguments& arguments) {
    const BoundArguments none("reset", arguments, {});
    self.object<Cycler>()->at_ = 0;
    return Value();
  }

  friend Value make_cycler(Runtime&, const CallArguments& arguments);
  Values items_;
  size_t at_ = 0;
  std::weak_ptr<Object> self_;
};

Value make_cycler(Runtime&, const CallArguments& arguments) {
  if (!arguments.named.empty()) throw Failure("cycler() takes no keyword arguments");
  if (arguments.positional.empty()) throw Failure("at least one item has to be provided");
  const auto cycler = std::make_shared<Cycler>(arguments.positional);
  cycler->self_ = cycler;
  return Value(std::shared_ptr<Object>(cycler));
}

/// joiner(sep): nothing at the first call, the separator at every later one.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : Object(separator.depth() + 1), separator_(std::move(separator)) {}
  std::string_view type_name() const override { return "Joiner"; }
  bool is_callable() const override { return true; }
  Value call(Runtime&, const CallArguments& arguments) override {
    const BoundArguments none("joiner", arguments, {});
    if (std::exchange(used_, true)) return separator_;
    return "";
  }

 private:
  Value separator_;
  bool used_ = false;
};

Value make_joiner(Runtime&, const CallArguments& arguments) {
  const BoundArguments bound("joiner", arguments, {"sep"});
  const Value separator = bound.value_or(0, ", ");
  if (separator.depth() >= kMaxNesting) throw Failure("lists and dicts are nested too deeply");
  return Value(std::make_shared<Joiner>(separator));
}

Value make_range(Runtime&, const CallArguments& arguments) {
  const BoundArguments bound("range", arguments, {"start", "stop", "step"});
  if (!arguments.named.empty()) throw Failure("range() takes no keyword arguments");
  const int64_t first = bound.required_integer(0);
  const int64_t start = bound.has(1) ? first : 0, stop = bound.has(1) ? bound.required_integer(1) : first;
  const int64_t step = bound.integer(2, 1);
  if (step == 0) throw Failure("range() arg 3 must not be zero");
  // Unsigned differences: the span between two int64 always fits.
  const bool empty = step > 0 ? start >= stop : start <= stop;
  const uint64_t span = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                 : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
  const uint64_t width = step > 0 ? static_cast<uint64_t>(step) : ~static_cast<uint64_t>(step) + 1;
  const uint64_t count = empty ? 0 : (span - 1) / width + 1;
  if (count > kMaxRange) {
    throw Failure(fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMaxRange));
  }
  constexpr int64_t kFar = int64_t{1} << 62;  // at(count) must not overflow
  if (start > kFar || start < -kFar || stop > kFar || stop < -kFar || width > static_cast<uint64_t>(kFar)) {
    throw Failure("range() bounds beyond 2^62 are not part of this template language");
  }
  return Value(std::make_shared<Range>(start, stop, step, static_cast<int64_t>(count)));
}

/// What dict(...) and namespace(...) take: a dict or pairs, then keyword arguments.
DictItems dict_items(Runtime& runtime, const CallArguments& arguments) {
  DictItems items;
  if (arguments.positional.size() > 1) throw Failure("dict expected at most 1 argument");
  if (!arguments.positional.empty()) {
    const Value& given = arguments.positional[0];
    if (given.pairs() != nullptr) {
      runtime.budget.bytes(given.pairs()->size(), 2 * sizeof(Value));
      items.pairs = *given.pairs();
    } else {
      for (const Value& pair : *iterate(given, runtime.budget)) {
        const SharedValues parts = iterate(pair, runtime.budget);
        if (parts->size() != 2) throw Failure("dictionary update sequence element does not have length 2");
        assign(items, (*parts)[0], (*parts)[1], runtime.budget);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) assign(items, name, value, runtime.budget);
  return items;
}

Value make_dict(Runtime& runtime, const CallArguments& arguments) {
  return Value::dict(dict_items(runtime, arguments));
}

Value make_namespace(Runtime& runtime, const CallArguments& arguments) {
  const auto result = std::make_shared<Namespace>();
  runtime.keep(result);
  for (auto& [name, value] : dict_items(runtime, arguments).pairs) {
    if (name.is_text()) result->set(name.text(), value);
  }
  return Value(std::shared_ptr<Object>(result));
}

Value raise_exception(Runtime& runtime, const CallArguments& arguments) {
  const BoundArguments bound("raise_exception", arguments, {"message"});
  throw Failure(to_text(bound.required(0), runtime.budget));
}

Value strftime_now(Runtime& runtime, const CallArguments& arguments) {
  const BoundArguments bound("strftime_now", arguments, {"format"});
  const std::string& format = bound.required_text(0);
  if (format.size() > 1000) throw Failure("strftime_now(): the format is too long");
  const std::tm now = runtime.now();
  std::string out(16 * format.size() + 64, '\0');
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &now));
  return runtime.text(std::move(out));
}

}  // namespace

std::string Namespace::repr(Budget& budget, int nesting) const {
  return fmt::format("<Namespace {}>", jinja::repr(Value::dict(items_), budget, nesting));
}

std::optional<Value> Namespace::attribute(const std::string& name) {
  for (const auto& [key, value] : items_.pairs) {
    if (key.text() == name) return value;
  }
  return std::nullopt;
}

void Namespace::set(const std::string& name, Value value) {
  if (name.starts_with('_')) {
    throw Failure(
        fmt::format("Chat templates cannot store underscore-prefixed attributes on a namespace, but got {}. "
                    "Please rename the attribute.",
                    text_repr(name)));
  }
  for (auto& pair : items_.pairs) {
    if (pair.first.text() == name) {
      pair.second = std::move(value);
      return;
    }
  }
  items_.pairs.emplace_back(name, std::move(value));
}

std::vector<std::pair<std::string, Value>> global_functions() {
  std::vector<std::pair<std::string, Value>> all;
  const auto add = [&](const char* name, Function::Body body) {
    all.emplace_back(name, Value(std::make_shared<Function>(name, body)));
  };
  add("range", make_range);
  add("dict", make_dict);
  add("namespace", make_namespace);
  add("cycler", make_cycler);
  add("joiner", make_joiner);
  add("raise_exception", raise_exception);
  add("strftime_now", strftime_now);
  return all;
}

}  // namespace lorica::jinja
