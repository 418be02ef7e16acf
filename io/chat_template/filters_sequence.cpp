#include <fmt/format.h>

#include <algorithm>

#include "io/chat_template/filters.h"
#include "io/chat_template/lookup.h"
#include "io/chat_template/operators.h"
#include "io/chat_template/predicates.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

Value generator(Runtime& runtime, Values items, const char* type = "generator") {
  runtime.budget.bytes(items.size(), sizeof(Value));
  return Value(std::make_shared<Iterator>(std::move(items), type));
}

Value length_of(Runtime&, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("length", arguments, {});
  const auto size = length(operand);
  if (!size) throw Failure(fmt::format("object of type '{}' has no len()", type_name(operand)));
  return *size;
}

Value or_default(Runtime&, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("default", arguments, {"default_value", "boolean"});
  if (operand.is_undefined() || (bound.flag(1, false) && !truth(operand))) return bound.value_or(0, "");
  return operand;
}

Value join(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("join", arguments, {"d", "attribute"});
  const std::string separator = to_text(bound.value_or(0, ""), runtime.budget);
  const SharedValues items = iterate(operand, runtime.budget);
  std::string out;
  for (size_t i = 0; i < items->size(); ++i) {
    runtime.budget.step();
    const std::string text = to_text(look_up_path(runtime, (*items)[i], bound.value_or(1, Value())), runtime.budget);
    runtime.budget.bytes(text.size() + separator.size());
    if (i != 0) out += separator;
    out += text;
  }
  return Value(std::move(out));
}

Value first(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("first", arguments, {});
  const Value nothing = Value::undefined("No first item, sequence was empty.");
  if (const auto* object = operand.as<std::shared_ptr<Object>>(); object != nullptr && (*object)->can_iterate()) {
    return (*object)->next().value_or(nothing);
  }
  if (operand.is_text()) {
    const std::string& text = operand.text();
    return text.empty() ? nothing : Value(text.substr(0, code_point_size(text, 0)));
  }
  const SharedValues items = iterate(operand, runtime.budget);
  return items->empty() ? nothing : items->front();
}

/// What Python's reversed() takes; an iterator has no end to start from.
SharedValues reversible(Runtime& runtime, const Value& operand) {
  if (operand.object<Iterator>() != nullptr) {
    throw Failure(fmt::format("'{}' object is not reversible", type_name(operand)));
  }
  return iterate(operand, runtime.budget);
}

Value last(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("last", arguments, {});
  refuse_undefined(operand);
  const SharedValues items = reversible(runtime, operand);
  return items->empty() ? Value::undefined("No last item, sequence was empty.") : items->back();
}

Value to_list(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("list", arguments, {});
  return runtime.list(*iterate(operand, runtime.budget));
}

Value reverse(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("reverse", arguments, {});
  refuse_undefined(operand);
  if (!is_iterable(operand)) throw Failure("argument must be iterable");
  SharedValues items = iterate(operand, runtime.budget);
  Values out(items->rbegin(), items->rend());
  if (operand.is_text()) {
    std::string text;
    for (const Value& one : out) text += one.text();
    return runtime.text(std::move(text));
  }
  if (operand.object<Iterator>() != nullptr) return runtime.list(std::move(out));
  const char* type = operand.as<List>() != nullptr        ? "list_reverseiterator"
                     : operand.pairs() != nullptr         ? "dict_reversekeyiterator"
                     : operand.object<Range>() != nullptr ? "range_iterator"
                                                          : "reversed";
  return generator(runtime, std::move(out), type);
}

Value items_of(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("items", arguments, {});
  Values out;
  if (!operand.is_undefined()) {
    if (operand.pairs() == nullptr) throw Failure("Can only get item pairs from a mapping.");
    runtime.budget.bytes(operand.pairs()->size(), 2 * sizeof(Value));
    for (const auto& [key, value] : *operand.pairs()) out.push_back(Value::tuple({key, value}));
  }
  return generator(runtime, std::move(out));
}

Value map(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  if (!truth(operand)) return generator(runtime, {});
  Values out;
  const SharedValues items = iterate(operand, runtime.budget);
  if (arguments.positional.empty() && !arguments.named.empty()) {
    const BoundArguments bound("map", arguments, {"attribute", "default"});
    for (const Value& item : *items) {
      out.push_back(look_up_path(runtime, item, bound.required(0), bound.value_or(1, Value())));
    }
    return generator(runtime, std::move(out));
  }
  if (arguments.positional.empty()) throw Failure("map requires a filter argument");
  const Value& name = arguments.positional[0];
  const Filter filter = name.is_text() ? find_filter(name.text()) : nullptr;
  if (filter == nullptr) throw Failure(fmt::format("No filter named {}.", repr(name, runtime.budget)));
  const CallArguments rest{{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
  for (const Value& item : *items) {
    runtime.budget.step();
    out.push_back(filter(runtime, item, rest));
  }
  return generator(runtime, std::move(out));
}

/// select, reject and their attr forms: keeps the items whose test (or truth) is the wanted one.
template <bool wanted, bool by_attribute>
Value choose(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  if (!truth(operand)) return generator(runtime, {});
  const size_t used = by_attribute ? 1 : 0;
  if (arguments.positional.size() < used) throw Failure("Missing parameter for attribute name");
  Test test = nullptr;
  CallArguments rest{{}, arguments.named};
  if (arguments.positional.size() > used) {
    const Value& name = arguments.positional[used];
    test = name.is_text() ? find_test(name.text()) : nullptr;
    if (test == nullptr) throw Failure(fmt::format("No test named {}.", repr(name, runtime.budget)));
    rest.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(used) + 1,
                           arguments.positional.end());
  }
  Values out;
  for (const Value& item : *iterate(operand, runtime.budget)) {
    runtime.budget.step();
    const Value subject = by_attribute ? look_up_path(runtime, item, arguments.positional[0]) : item;
    if ((test == nullptr ? truth(subject) : test(runtime, subject, rest)) == wanted) out.push_back(item);
  }
  return generator(runtime, std::move(out));
}

Value sum(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("sum", arguments, {"attribute", "start"});
  Value total = bound.value_or(1, 0);
  if (total.is_text()) throw Failure("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : *iterate(operand, runtime.budget)) {
    runtime.budget.step();
    total = binary(BinaryOp::add, total, look_up_path(runtime, item, bound.value_or(0, Value())), runtime.budget);
  }
  return total;
}

Value batch(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("batch", arguments, {"linecount", "fill_with"});
  const int64_t size = bound.required_integer(0);
  Values out, row;
  const auto is_full = [&] { return static_cast<int64_t>(row.size()) == size; };
  for (const Value& item : *iterate(operand, runtime.budget)) {
    if (is_full()) out.push_back(runtime.list(std::exchange(row, {})));
    row.push_back(item);
  }
  if (!row.empty()) {
    if (bound.has(1) && !bound.required(1).is_none() && static_cast<int64_t>(row.size()) < size) {
      runtime.budget.bytes(static_cast<size_t>(size), sizeof(Value));
      row.resize(static_cast<size_t>(size), bound.required(1));
    }
    out.push_back(runtime.list(std::move(row)));
  }
  return generator(runtime, std::move(out));
}

Value slices(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("slice", arguments, {"slices", "fill_with"});
  const SharedValues items = iterate(operand, runtime.budget);
  const int64_t count = bound.required_integer(0);
  if (count == 0) throw Failure("integer division or modulo by zero");
  runtime.budget.bytes(static_cast<size_t>(std::max<int64_t>(count, 0)), sizeof(Value));
  const int64_t size = static_cast<int64_t>(items->size());
  Values out;
  int64_t start = 0;
  for (int64_t i = 0; i < count; ++i) {
    const bool has_extra = i < size % count;
    const int64_t end = start + size / count + (has_extra ? 1 : 0);
    Values part(items->begin() + start, items->begin() + end);
    if (bound.has(1) && !bound.required(1).is_none() && !has_extra) part.push_back(bound.required(1));
    out.push_back(runtime.list(std::move(part)));
    start = end;
  }
  return generator(runtime, std::move(out));
}

Value attribute(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("attr", arguments, {"name"});
  const std::string& name = bound.required_text(0);
  // Unlike `operand.name` this never falls back to an item.
  if (operand.pairs() != nullptr && find_dict_method(name) == nullptr) {
    return Value::undefined(fmt::format("'dict object' has no attribute {}", text_repr(name)));
  }
  return get_attribute(runtime, operand, name);
}

}  // namespace

FilterTable sequence_filters() {
  return {{"length", length_of},
          {"count", length_of},
          {"default", or_default},
          {"d", or_default},
          {"join", join},
          {"first", first},
          {"last", last},
          {"list", to_list},
          {"reverse", reverse},
          {"items", items_of},
          {"map", map},
          {"select", choose<true, false>},
          {"reject", choose<false, false>},
          {"selectattr", choose<true, true>},
          {"rejectattr", choose<false, true>},
          {"sum", sum},
          {"batch", batch},
          {"slice", slices},
          {"attr", attribute}};
}

}  // namespace lorica::jinja
