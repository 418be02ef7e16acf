#include "io/chat_template/value.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace

int nesting_of(const Values& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  if (depth >= kMaxNesting) throw Failure("lists and dicts are nested too deeply");
  return depth + 1;
}

Value Value::undefined(std::string message) {
  Value value;
  value.storage_ = Undefined{std::make_shared<const std::string>(std::move(message))};
  return value;
}

Value Value::list(Values items) {
  Value value;
  const int depth = nesting_of(items);
  value.storage_ = List{std::make_shared<const Values>(std::move(items)), depth};
  return value;
}

Value Value::tuple(Values items, bool is_group) {
  Value value;
  const int depth = nesting_of(items);
  value.storage_ = Tuple{std::make_shared<const Values>(std::move(items)), depth, is_group};
  return value;
}

Value Value::dict(DictItems items) {
  int depth = 0;
  for (const auto& [key, item] : items.pairs) depth = std::max({depth, key.depth(), item.depth()});
  if (depth >= kMaxNesting) throw Failure("lists and dicts are nested too deeply");
  Value value;
  value.storage_ = Dict{std::make_shared<const DictItems>(std::move(items)), depth + 1};
  return value;
}

const Values* Value::items() const {
  if (const auto* list = as<List>()) return list->items.get();
  if (const auto* tuple = as<Tuple>()) return tuple->items.get();
  return nullptr;
}

const std::vector<std::pair<Value, Value>>* Value::pairs() const {
  const auto* dict = as<Dict>();
  return dict == nullptr ? nullptr : &dict->items->pairs;
}

std::optional<int64_t> Value::integer() const {
  if (const auto* number = as<int64_t>()) return *number;
  if (const auto* flag = as<bool>()) return *flag ? 1 : 0;
  return std::nullopt;
}

std::optional<double> Value::number() const {
  if (const auto* real = as<double>()) return *real;
  if (const auto whole = integer()) return static_cast<double>(*whole);
  return std::nullopt;
}

int Value::depth() const {
  return std::visit(
      Overloaded{[](const List& list) { return list.depth; }, [](const Tuple& tuple) { return tuple.depth; },
                 [](const Dict& dict) { return dict.depth; },
                 [](const std::shared_ptr<Object>& object) { return object->depth(); }, [](const auto&) { return 0; }},
      storage_);
}

std::string Object::repr(Budget&, int) const { return fmt::format("<{} object>", type_name()); }

Value Object::call(Runtime&, const CallArguments&) {
  throw Failure(fmt::format("'{}' object is not callable", type_name()));
}

std::optional<Value> Object::attribute(const std::string&) { return std::nullopt; }

std::optional<Value> Object::item(const Value&) const { return std::nullopt; }

SharedValues Object::iterate() { return nullptr; }

std::optional<Value> Object::next() {
  const SharedValues items = iterate();
  if (items == nullptr || items->empty()) return std::nullopt;
  return items->front();
}

std::string type_name(const Value& value) {
  return std::visit(
      Overloaded{[](const Undefined&) { return std::string("Undefined"); },
                 [](const None&) { return std::string("NoneType"); }, [](bool) { return std::string("bool"); },
                 [](int64_t) { return std::string("int"); }, [](double) { return std::string("float"); },
                 [](const Text& text) { return std::string(text.markup ? "Markup" : "str"); },
                 [](const List&) { return std::string("list"); }, [](const Tuple&) { return std::string("tuple"); },
                 [](const Dict&) { return std::string("dict"); },
                 [](const std::shared_ptr<Object>& object) { return std::string(object->type_name()); }},
      value.storage());
}

std::string describe_type(const Value& value) {
  if (value.is_none()) return "None";
  return type_name(value) + " object";
}

bool truth(const Value& value) {
  return std::visit(
      Overloaded{[](const Undefined&) { return false; }, [](const None&) { return false; },
                 [](bool flag) { return flag; }, [](int64_t number) { return number != 0; },
                 [](double real) { return real != 0; }, [](const Text& text) { return !text.bytes->empty(); },
                 [](const List& list) { return !list.items->empty(); },
                 [](const Tuple& tuple) { return !tuple.items->empty(); },
                 [](const Dict& dict) { return !dict.items->pairs.empty(); },
                 [](const std::shared_ptr<Object>& object) { return object->length().value_or(1) != 0; }},
      value.storage());
}

std::optional<int64_t> length(const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_text()) return static_cast<int64_t>(code_point_count(value.text()));
  if (const Values* items = value.items()) return static_cast<int64_t>(items->size());
  if (const auto* pairs = value.pairs()) return static_cast<int64_t>(pairs->size());
  if (const auto* object = value.as<std::shared_ptr<Object>>()) return (*object)->length();
  return std::nullopt;
}

SharedValues iterate(const Value& value, Budget& budget) {
  if (const auto* list = value.as<List>()) return list->items;
  if (const auto* tuple = value.as<Tuple>()) return tuple->items;
  if (value.is_undefined()) return std::make_shared<const Values>();
  if (const auto* object = value.as<std::shared_ptr<Object>>()) {
    if (SharedValues items = (*object)->iterate()) {
      budget.step(items->size());
      return items;
    }
  }
  Values items;
  if (value.is_text()) {
    const std::string& text = value.text();
    budget.bytes(text.size(), 2 * sizeof(Value));
    for (size_t at = 0; at < text.size();) {
      const size_t size = code_point_size(text, at);
      items.emplace_back(text.substr(at, size));
      at += size;
    }
  } else if (const auto* pairs = value.pairs()) {
    budget.bytes(pairs->size(), sizeof(Value));
    for (const auto& pair : *pairs) items.push_back(pair.first);
  } else {
    throw Failure(fmt::format("'{}' object is not iterable", type_name(value)));
  }
  return std::make_shared<const Values>(std::move(items));
}

bool is_iterable(const Value& value) {
  if (value.is_undefined() || value.is_text() || value.items() != nullptr || value.pairs() != nullptr) return true;
  const auto* object = value.as<std::shared_ptr<Object>>();
  return object != nullptr && (*object)->can_iterate();
}

void refuse_undefined(const Value& value) {
  if (const auto* undefined = value.as<Undefined>()) throw Failure(*undefined->message);
}

}  // namespace lorica::jinja
