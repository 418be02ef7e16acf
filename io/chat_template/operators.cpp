#include "io/chat_template/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

const char* symbol(CompareOp op) {
  switch (op) {
    case CompareOp::less:
      return "<";
    case CompareOp::less_equal:
      return "<=";
    case CompareOp::greater:
      return ">";
    default:
      return ">=";
  }
}

/// -1, 0, 1, or 2 when one of them is NaN. long double holds every int64 and every double exactly.
int compare_numbers(const Value& left, const Value& right) {
  const auto exact = [](const Value& value) {
    const auto whole = value.integer();
    return whole ? static_cast<long double>(*whole) : static_cast<long double>(*value.as<double>());
  };
  const long double a = exact(left), b = exact(right);
  return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
}

bool holds(CompareOp op, int order) {
  switch (op) {
    case CompareOp::less:
      return order == -1;
    case CompareOp::less_equal:
      return order == -1 || order == 0;
    case CompareOp::greater:
      return order == 1;
    default:
      return order == 1 || order == 0;
  }
}

bool same_kind_sequences(const Value& left, const Value& right) {
  return (left.as<List>() != nullptr && right.as<List>() != nullptr) ||
         (left.as<Tuple>() != nullptr && right.as<Tuple>() != nullptr);
}

bool ordered(CompareOp op, const Value& left, const Value& right, Budget& budget) {
  budget.step();
  refuse_undefined(left);
  refuse_undefined(right);
  if (left.number() && right.number()) return holds(op, compare_numbers(left, right));
  if (left.is_text() && right.is_text()) {
    budget.step(std::min(left.text().size(), right.text().size()) / 64);
    const int order = left.text().compare(right.text());
    return holds(op, order < 0 ? -1 : order > 0 ? 1 : 0);
  }
  if (same_kind_sequences(left, right)) {
    const Values &a = *left.items(), &b = *right.items();
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      if (!equals(a[i], b[i], budget)) return ordered(op, a[i], b[i], budget);
    }
    return holds(op, a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0);
  }
  throw Failure(fmt::format("'{}' not supported between instances of '{}' and '{}'", symbol(op), type_name(left),
                            type_name(right)));
}

bool equal_dicts(const Value& left, const Value& right, Budget& budget) {
  if (left.pairs()->size() != right.pairs()->size()) return false;
  for (const auto& [key, value] : *left.pairs()) {
    const Value* other = find(right, key, budget);
    if (other == nullptr || !equals(value, *other, budget)) return false;
  }
  return true;
}

bool equal_sequences(const Values& left, const Values& right, Budget& budget) {
  if (&left == &right) return true;
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (!equals(left[i], right[i], budget)) return false;
  }
  return true;
}

}  // namespace

bool equals(const Value& left, const Value& right, Budget& budget) {
  budget.step();
  if (left.number() && right.number()) return compare_numbers(left, right) == 0;
  if (left.storage().index() != right.storage().index()) return false;
  if (left.is_text()) {
    if (left.text().size() != right.text().size()) return false;
    budget.step(left.text().size() / 64);
    return left.text() == right.text();
  }
  if (left.items() != nullptr) return equal_sequences(*left.items(), *right.items(), budget);
  if (left.pairs() != nullptr) return equal_dicts(left, right, budget);
  if (const auto* object = left.as<std::shared_ptr<Object>>()) {
    return (*object)->equals(**right.as<std::shared_ptr<Object>>());
  }
  return true;  // None and None, undefined and undefined
}

bool less(const Value& left, const Value& right, Budget& budget) {
  return ordered(CompareOp::less, left, right, budget);
}

bool contains(const Value& haystack, const Value& needle, Budget& budget) {
  budget.step();
  if (haystack.is_text()) {
    if (!needle.is_text()) {
      throw Failure(fmt::format("'in <string>' requires string as left operand, not {}", type_name(needle)));
    }
    budget.step(haystack.text().size() / 64);
    return haystack.text().find(needle.text()) != std::string::npos;
  }
  if (haystack.pairs() != nullptr) {
    if (!is_hashable(needle)) throw Failure(fmt::format("unhashable type: '{}'", type_name(needle)));
    return find(haystack, needle, budget) != nullptr;
  }
  if (!is_iterable(haystack)) throw Failure(fmt::format("argument of type '{}' is not iterable", type_name(haystack)));
  const auto* object = haystack.as<std::shared_ptr<Object>>();
  if (object != nullptr && !(*object)->length()) {  // an iterator is used up only as far as the match
    while (const auto item = (*object)->next()) {
      if (equals(*item, needle, budget)) return true;
    }
    return false;
  }
  const SharedValues items = iterate(haystack, budget);
  return std::any_of(items->begin(), items->end(), [&](const Value& item) { return equals(item, needle, budget); });
}

bool compare(CompareOp op, const Value& left, const Value& right, Budget& budget) {
  switch (op) {
    case CompareOp::equal:
      return equals(left, right, budget);
    case CompareOp::not_equal:
      return !equals(left, right, budget);
    case CompareOp::in:
      return contains(right, left, budget);
    case CompareOp::not_in:
      return !contains(right, left, budget);
    default:
      return ordered(op, left, right, budget);
  }
}

const Value* find(const Value& dict, const Value& key, Budget& budget) {
  const auto& pairs = *dict.pairs();
  budget.step(pairs.size() / 16);
  for (const auto& [own, value] : pairs) {
    if (own.is_text() && key.is_text()) {  // the common case, without a step for each key
      if (own.text() == key.text()) return &value;
    } else if (own.is_text() != key.is_text() ? false : equals(own, key, budget)) {
      return &value;
    }
  }
  return nullptr;
}

bool is_hashable(const Value& value) {
  if (value.as<List>() != nullptr || value.pairs() != nullptr) return false;
  const auto* tuple = value.as<Tuple>();
  return tuple == nullptr || std::all_of(tuple->items->begin(), tuple->items->end(), is_hashable);
}

void assign(DictItems& dict, Value key, Value value, Budget& budget) {
  if (!is_hashable(key)) throw Failure(fmt::format("unhashable type: '{}'", type_name(key)));
  budget.bytes(2 * sizeof(Value));
  budget.step(dict.pairs.size() / 16);
  for (auto& pair : dict.pairs) {
    if (pair.first.is_text() == key.is_text() && equals(pair.first, key, budget)) {
      pair.second = std::move(value);
      return;
    }
  }
  dict.pairs.emplace_back(std::move(key), std::move(value));
}

}  // namespace lorica::jinja
