#include <fmt/format.h>

#include <algorithm>

#include "io/chat_template/filters.h"
#include "io/chat_template/operators.h"
#include "io/chat_template/text.h"
#include "io/chat_template/text_search.h"

namespace lorica::jinja {

namespace {

Value without_case(const Value& value) {
  return value.is_text() ? Value(change_case(value.text(), Case::lower)) : value;
}

/// An item with what it is ordered by.
struct Keyed {
  Value key, item;
};

Values items_of(const std::vector<Keyed>& keyed) {
  Values out;
  for (const Keyed& one : keyed) out.push_back(one.item);
  return out;
}

/// Python's sorted(): stable, also in reverse.
void sort_keyed(std::vector<Keyed>& keyed, bool reverse, Budget& budget) {
  std::stable_sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(b.key, a.key, budget) : less(a.key, b.key, budget);
  });
}

/// The key of `sort`: a list of the attributes named in "a,b.c", or of the item itself.
Value sort_key(Runtime& runtime, const Value& item, const Value& attribute, bool case_sensitive) {
  Values paths;
  if (attribute.is_text()) {
    for (std::string& path : split(attribute.text(), ",", -1, false)) paths.emplace_back(std::move(path));
  } else {
    paths.push_back(attribute);
  }
  for (Value& path : paths) {
    path = look_up_path(runtime, item, path);
    if (!case_sensitive) path = without_case(path);
  }
  return runtime.list(std::move(paths));
}

Value sort(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<Keyed> keyed;
  for (const Value& item : *iterate(operand, runtime.budget)) {
    keyed.push_back({sort_key(runtime, item, bound.value_or(2, Value()), bound.flag(1, false)), item});
  }
  sort_keyed(keyed, bound.flag(0, false), runtime.budget);
  return runtime.list(items_of(keyed));
}

Value dict_sort(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = bound.optional_text(1).value_or("key");
  if (by != "key" && by != "value") throw Failure("You can only sort by either \"key\" or \"value\"");
  refuse_undefined(operand);
  if (operand.pairs() == nullptr)
    throw Failure(fmt::format("'{}' object has no attribute 'items'", type_name(operand)));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : *operand.pairs()) {
    const Value& chosen = by == "key" ? key : value;
    runtime.budget.bytes(4 * sizeof(Value));
    keyed.push_back({bound.flag(0, false) ? chosen : without_case(chosen), Value::tuple({key, value})});
  }
  sort_keyed(keyed, bound.flag(2, false), runtime.budget);
  return runtime.list(items_of(keyed));
}

Value unique(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("unique", arguments, {"case_sensitive", "attribute"});
  DictItems seen;
  Values out;
  for (const Value& item : *iterate(operand, runtime.budget)) {
    Value key = look_up_path(runtime, item, bound.value_or(1, Value()));
    if (!bound.flag(0, false)) key = without_case(key);
    const size_t before = seen.pairs.size();
    assign(seen, std::move(key), Value(), runtime.budget);
    if (seen.pairs.size() > before) out.push_back(item);
  }
  return Value(std::make_shared<Iterator>(std::move(out)));
}

template <bool largest>
Value extreme(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("min", arguments, {"case_sensitive", "attribute"});
  std::optional<Keyed> best;
  for (const Value& item : *iterate(operand, runtime.budget)) {
    Value key = look_up_path(runtime, item, bound.value_or(1, Value()));
    if (!bound.flag(0, false)) key = without_case(key);
    if (!best || (largest ? less(best->key, key, runtime.budget) : less(key, best->key, runtime.budget))) {
      best = Keyed{std::move(key), item};
    }
  }
  return best ? best->item : Value::undefined("No aggregated item, sequence was empty.");
}

Value group_by(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("groupby", arguments, {"attribute", "default", "case_sensitive"});
  const auto key_of = [&](const Value& item) {
    return look_up_path(runtime, item, bound.required(0), bound.value_or(1, Value()));
  };
  std::vector<Keyed> keyed;
  for (const Value& item : *iterate(operand, runtime.budget)) {
    const Value key = key_of(item);
    keyed.push_back({bound.flag(2, false) ? key : without_case(key), item});
  }
  sort_keyed(keyed, false, runtime.budget);
  Values groups;
  for (size_t start = 0, end = 0; start < keyed.size(); start = end) {
    Values members;
    for (end = start; end < keyed.size() && equals(keyed[end].key, keyed[start].key, runtime.budget); ++end) {
      members.push_back(keyed[end].item);
    }
    if (members.empty()) members.push_back(keyed[end++].item);  // NaN equals nothing, itself included
    const Value name = key_of(members[0]);
    groups.push_back(Value::tuple({name, runtime.list(std::move(members))}, true));
  }
  return runtime.list(std::move(groups));
}

}  // namespace

FilterTable ordering_filters() {
  return {{"sort", sort},          {"dictsort", dict_sort}, {"unique", unique},
          {"min", extreme<false>}, {"max", extreme<true>},  {"groupby", group_by}};
}

}  // namespace lorica::jinja
