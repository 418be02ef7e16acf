#include "io/chat_template/predicates.h"

#include <fmt/format.h>

#include <unordered_map>

#include "io/chat_template/filters.h"
#include "io/chat_template/operators.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/text_search.h"

namespace lorica::jinja {

namespace {

/// A test without arguments of the value alone.
template <bool (*holds)(const Value&)>
bool plain(Runtime&, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("test", arguments, {});
  return holds(operand);
}

bool is_integer(const Value& value) { return value.as<int64_t>() != nullptr; }
bool is_true(const Value& value) { return value.as<bool>() != nullptr && *value.as<bool>(); }
bool is_false(const Value& value) { return value.as<bool>() != nullptr && !*value.as<bool>(); }
bool is_boolean(const Value& value) { return value.as<bool>() != nullptr; }
bool is_float(const Value& value) { return value.as<double>() != nullptr; }
bool is_number(const Value& value) { return value.number().has_value(); }
bool is_string(const Value& value) { return value.is_text(); }
bool is_mapping(const Value& value) { return value.pairs() != nullptr; }
bool is_none(const Value& value) { return value.is_none(); }
bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_markup(const Value& value) { return value.is_markup(); }

bool is_sequence(const Value& value) {
  return value.is_text() || value.items() != nullptr || value.pairs() != nullptr || value.is_undefined() ||
         value.object<Range>() != nullptr;
}

bool is_callable(const Value& value) {
  const auto* object = value.as<std::shared_ptr<Object>>();
  return value.is_undefined() || (object != nullptr && (*object)->is_callable());
}

bool remainder_is(Runtime& runtime, const Value& value, const Value& divisor, int wanted) {
  return equals(binary(BinaryOp::modulo, value, divisor, runtime.budget), Value(wanted), runtime.budget);
}

bool is_even(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("even", arguments, {});
  return remainder_is(runtime, operand, 2, 0);
}

bool is_odd(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("odd", arguments, {});
  return remainder_is(runtime, operand, 2, 1);
}

bool is_divisible(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("divisibleby", arguments, {"num"});
  return remainder_is(runtime, operand, bound.required(0), 0);
}

template <CompareOp op>
bool compares(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("comparison", arguments, {"other"});
  return compare(op, operand, bound.required(0), runtime.budget);
}

/// Python's `is`: the same object. Small values count as the same where CPython keeps one of each.
bool is_same(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("sameas", arguments, {"other"});
  const Value& other = bound.required(0);
  if (operand.storage().index() != other.storage().index()) return false;
  if (operand.items() != nullptr) return operand.items() == other.items();
  if (operand.pairs() != nullptr) return operand.pairs() == other.pairs();
  if (const auto* object = operand.as<std::shared_ptr<Object>>()) {
    return *object == *other.as<std::shared_ptr<Object>>();
  }
  return equals(operand, other, runtime.budget);
}

template <bool upper>
bool is_cased(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("upper", arguments, {});
  return has_case(to_text(operand, runtime.budget), upper);
}

bool names_filter(Runtime&, const Value& operand, const CallArguments&) {
  return operand.is_text() && find_filter(operand.text()) != nullptr;
}

bool names_test(Runtime&, const Value& operand, const CallArguments&) {
  return operand.is_text() && find_test(operand.text()) != nullptr;
}

}  // namespace

Test find_test(const std::string& name) {
  static const std::unordered_map<std::string, Test> kTests = {
      {"defined", plain<is_defined>},
      {"undefined", plain<is_undefined>},
      {"none", plain<is_none>},
      {"boolean", plain<is_boolean>},
      {"true", plain<is_true>},
      {"false", plain<is_false>},
      {"integer", plain<is_integer>},
      {"float", plain<is_float>},
      {"number", plain<is_number>},
      {"string", plain<is_string>},
      {"mapping", plain<is_mapping>},
      {"sequence", plain<is_sequence>},
      {"iterable", plain<is_iterable>},
      {"callable", plain<is_callable>},
      {"escaped", plain<is_markup>},
      {"even", is_even},
      {"odd", is_odd},
      {"divisibleby", is_divisible},
      {"in", compares<CompareOp::in>},
      {"==", compares<CompareOp::equal>},
      {"eq", compares<CompareOp::equal>},
      {"equalto", compares<CompareOp::equal>},
      {"!=", compares<CompareOp::not_equal>},
      {"ne", compares<CompareOp::not_equal>},
      {"<", compares<CompareOp::less>},
      {"lt", compares<CompareOp::less>},
      {"lessthan", compares<CompareOp::less>},
      {"<=", compares<CompareOp::less_equal>},
      {"le", compares<CompareOp::less_equal>},
      {">", compares<CompareOp::greater>},
      {"gt", compares<CompareOp::greater>},
      {"greaterthan", compares<CompareOp::greater>},
      {">=", compares<CompareOp::greater_equal>},
      {"ge", compares<CompareOp::greater_equal>},
      {"sameas", is_same},
      {"upper", is_cased<true>},
      {"lower", is_cased<false>},
      {"filter", names_filter},
      {"test", names_test},
  };
  const auto found = kTests.find(name);
  return found == kTests.end() ? nullptr : found->second;
}

}  // namespace lorica::jinja
