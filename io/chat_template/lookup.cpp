#include "io/chat_template/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "io/chat_template/operators.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

template <size_t N>
bool is_one_of(const std::array<const char*, N>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const char* one) { return name == one; });
}

constexpr std::array<const char*, 8> kChangesList = {"append", "clear", "pop",    "reverse",
                                                     "insert", "sort",  "extend", "remove"};
constexpr std::array<const char*, 5> kChangesDict = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::array<const char*, 3> kMissingTextMethods = {"encode", "maketrans", "translate"};

Value unsafe(const Value& value, const std::string& name) {
  return Value::undefined(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, type_name(value)));
}

Value missing(const Value& value, const std::string& name) {
  return Value::undefined(fmt::format("'{}' has no attribute {}", describe_type(value), text_repr(name)));
}

/// What Python's getattr finds and the sandbox then allows or refuses.
std::optional<Value> attribute(const Value& value, const std::string& name) {
  if (name.size() > 4 && name.starts_with("__") && name.ends_with("__")) return unsafe(value, name);
  Method method = nullptr;
  if (value.is_text()) {
    if (is_one_of(kMissingTextMethods, name)) {
      throw Failure(fmt::format("the string method '{}' is not part of this template language", name));
    }
    method = find_text_method(name);
  } else if (value.items() != nullptr) {
    if (value.as<List>() != nullptr && is_one_of(kChangesList, name)) return unsafe(value, name);
    if (value.as<Tuple>() != nullptr && value.as<Tuple>()->is_group) {
      if (name == "grouper") return value.items()->at(0);
      if (name == "list") return value.items()->at(1);
    }
    method = find_list_method(name);
  } else if (value.pairs() != nullptr) {
    if (is_one_of(kChangesDict, name)) return unsafe(value, name);
    method = find_dict_method(name);
  } else if (const auto* object = value.as<std::shared_ptr<Object>>()) {
    auto found = (*object)->attribute(name);
    if (found && name.starts_with("_")) return unsafe(value, name);
    return found;
  }
  if (method == nullptr) return std::nullopt;
  return Value(std::make_shared<BoundMethod>(value, name, method));
}

std::optional<Value> item(Runtime& runtime, const Value& value, const Value& key) {
  if (value.pairs() != nullptr) {
    const Value* found = is_hashable(key) ? find(value, key, runtime.budget) : nullptr;
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  if (const auto* object = value.as<std::shared_ptr<Object>>()) return (*object)->item(key);
  auto index = key.integer();
  if (!index) return std::nullopt;
  if (const Values* items = value.items()) {
    const auto size = static_cast<int64_t>(items->size());
    if (*index < 0) *index += size;
    if (*index < 0 || *index >= size) return std::nullopt;
    return (*items)[static_cast<size_t>(*index)];
  }
  if (!value.is_text()) return std::nullopt;
  runtime.budget.step(value.text().size() / 64);
  const std::vector<size_t> offsets = code_point_offsets(value.text());
  const auto size = static_cast<int64_t>(offsets.size()) - 1;
  if (*index < 0) *index += size;
  if (*index < 0 || *index >= size) return std::nullopt;
  const auto at = static_cast<size_t>(*index);
  return Value(value.text().substr(offsets[at], offsets[at + 1] - offsets[at]), value.is_markup());
}

/// A slice's bounds applied to a length, as Python's slice.indices does.
struct Bounds {
  int64_t start, stop, step, count;
};

std::optional<int64_t> bound(const Value& value) {
  if (value.is_none()) return std::nullopt;
  refuse_undefined(value);
  const auto number = value.integer();
  if (!number) throw Failure("slice indices must be integers or None or have an __index__ method");
  return number;
}

Bounds bounds_of(int64_t size, const Value& start, const Value& stop, const Value& step) {
  // Steps and bounds beyond the length act as the length does; cutting them keeps the sums below from overflowing.
  const auto cut = [&](int64_t number) { return std::clamp(number, -size - 1, size + 1); };
  const int64_t by = cut(bound(step).value_or(1));
  if (by == 0) throw Failure("slice step cannot be zero");
  const int64_t low = by < 0 ? -1 : 0, high = by < 0 ? size - 1 : size;
  const auto place = [&](std::optional<int64_t> given, int64_t fallback) {
    if (!given) return fallback;
    const int64_t number = cut(*given);
    return std::clamp(number < 0 ? number + size : number, low, high);
  };
  const int64_t first = place(bound(start), by < 0 ? high : low);
  const int64_t last = place(bound(stop), by < 0 ? low : high);
  const int64_t span = by < 0 ? first - last : last - first;
  const int64_t width = by < 0 ? -by : by;
  return {first, last, by, span <= 0 ? 0 : (span + width - 1) / width};
}

Value slice_text(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step) {
  const std::string& text = value.text();
  runtime.budget.step(text.size() / 64);
  const std::vector<size_t> offsets = code_point_offsets(text);
  const Bounds bounds = bounds_of(static_cast<int64_t>(offsets.size()) - 1, start, stop, step);
  const auto first = static_cast<size_t>(bounds.start), count = static_cast<size_t>(bounds.count);
  if (count == 0) return Value(std::string(), value.is_markup());
  if (bounds.step == 1) {
    return runtime.text(text.substr(offsets[first], offsets[first + count] - offsets[first]), value.is_markup());
  }
  std::string out;
  for (int64_t i = 0; i < bounds.count; ++i) {
    const auto at = static_cast<size_t>(bounds.start + i * bounds.step);
    out.append(text, offsets[at], offsets[at + 1] - offsets[at]);
  }
  return runtime.text(std::move(out), value.is_markup());
}

}  // namespace

Value get_attribute(Runtime& runtime, const Value& value, const std::string& name) {
  refuse_undefined(value);
  if (auto found = attribute(value, name)) return *std::move(found);
  if (value.pairs() != nullptr) {
    if (auto found = item(runtime, value, Value(name))) return *std::move(found);
  }
  return missing(value, name);
}

Value get_item(Runtime& runtime, const Value& value, const Value& key) {
  refuse_undefined(value);
  if (auto found = item(runtime, value, key)) return *std::move(found);
  if (key.is_text()) {
    if (auto found = attribute(value, key.text())) return *std::move(found);
    return missing(value, key.text());
  }
  return Value::undefined(fmt::format("{} has no element {}", describe_type(value), repr(key, runtime.budget)));
}

Value slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step) {
  refuse_undefined(value);
  if (value.is_text()) return slice_text(runtime, value, start, stop, step);
  if (const auto range = value.object<Range>()) {
    const Bounds bounds = bounds_of(*range->length(), start, stop, step);
    return Value(std::make_shared<Range>(range->at(bounds.start), range->at(bounds.stop), range->step() * bounds.step,
                                         bounds.count));
  }
  const Values* items = value.items();
  if (items == nullptr) {
    if (value.pairs() != nullptr) throw Failure("unhashable type: 'slice'");
    throw Failure(fmt::format("'{}' object is not subscriptable", type_name(value)));
  }
  const Bounds bounds = bounds_of(static_cast<int64_t>(items->size()), start, stop, step);
  Values out;
  out.reserve(static_cast<size_t>(bounds.count));
  for (int64_t i = 0; i < bounds.count; ++i) {
    out.push_back((*items)[static_cast<size_t>(bounds.start + i * bounds.step)]);
  }
  return value.as<List>() != nullptr ? runtime.list(std::move(out)) : runtime.tuple(std::move(out));
}

Value call(Runtime& runtime, const Value& callee, const CallArguments& arguments) {
  refuse_undefined(callee);
  const auto* object = callee.as<std::shared_ptr<Object>>();
  if (object == nullptr) throw Failure(fmt::format("'{}' object is not callable", type_name(callee)));
  return (*object)->call(runtime, arguments);
}

}  // namespace lorica::jinja
