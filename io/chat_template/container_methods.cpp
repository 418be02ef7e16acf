#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "io/chat_template/lookup.h"
#include "io/chat_template/operators.h"
#include "io/chat_template/python_text.h"

namespace lorica::jinja {

namespace {

Value dict_view(Runtime& runtime, const Value& self, const CallArguments& arguments, const char* type) {
  const BoundArguments none(type, arguments, {});
  runtime.budget.bytes(self.pairs()->size(), 3 * sizeof(Value));
  Values items;
  for (const auto& [key, value] : *self.pairs()) {
    items.push_back(type == std::string_view("dict_keys")     ? key
                    : type == std::string_view("dict_values") ? value
                                                              : Value::tuple({key, value}));
  }
  return Value(std::make_shared<DictView>(std::move(items), type));
}

Value dict_items(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  return dict_view(runtime, self, arguments, "dict_items");
}
Value dict_keys(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  return dict_view(runtime, self, arguments, "dict_keys");
}
Value dict_values(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  return dict_view(runtime, self, arguments, "dict_values");
}

Value dict_get(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  if (!arguments.named.empty()) throw Failure("dict.get() takes no keyword arguments");
  const BoundArguments bound("get", arguments, {"key", "default"});
  const Value& key = bound.required(0);
  if (!is_hashable(key)) throw Failure(fmt::format("unhashable type: '{}'", type_name(key)));
  const Value* found = find(self, key, runtime.budget);
  return found != nullptr ? *found : bound.value_or(1, Value());
}

Value copy(Runtime&, const Value& self, const CallArguments& arguments) {
  const BoundArguments none("copy", arguments, {});
  return self;
}

Value list_count(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("count", arguments, {"value"});
  int64_t count = 0;
  for (const Value& item : *self.items()) count += equals(item, bound.required(0), runtime.budget) ? 1 : 0;
  return count;
}

Value list_index(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("index", arguments, {"value", "start", "stop"});
  const auto size = static_cast<int64_t>(self.items()->size());
  const auto place = [&](int64_t index) { return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size); };
  const int64_t stop = place(bound.integer(2, size));
  for (int64_t i = place(bound.integer(1, 0)); i < stop; ++i) {
    if (equals((*self.items())[static_cast<size_t>(i)], bound.required(0), runtime.budget)) return i;
  }
  throw Failure(fmt::format("{} is not in list", repr(bound.required(0), runtime.budget)));
}

Method find(const std::unordered_map<std::string, Method>& methods, const std::string& name) {
  const auto found = methods.find(name);
  return found == methods.end() ? nullptr : found->second;
}

}  // namespace

Method find_list_method(const std::string& name) {
  static const std::unordered_map<std::string, Method> kMethods = {
      {"count", list_count}, {"index", list_index}, {"copy", copy}};
  return find(kMethods, name);
}

Method find_dict_method(const std::string& name) {
  static const std::unordered_map<std::string, Method> kMethods = {
      {"get", dict_get}, {"items", dict_items}, {"keys", dict_keys}, {"values", dict_values}, {"copy", copy}};
  return find(kMethods, name);
}

}  // namespace lorica::jinja
