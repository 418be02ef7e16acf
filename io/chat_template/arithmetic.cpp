#include <fmt/format.h>

#include <cmath>

#include "io/chat_template/operators.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

const char* symbol(BinaryOp op) {
  switch (op) {
    case BinaryOp::add:
      return "+";
    case BinaryOp::subtract:
      return "-";
    case BinaryOp::multiply:
      return "*";
    case BinaryOp::divide:
      return "/";
    case BinaryOp::floor_divide:
      return "//";
    case BinaryOp::modulo:
      return "%";
    default:
      return "** or pow()";
  }
}

[[noreturn]] void refuse_size() { throw Failure("the result does not fit a 64-bit integer"); }

double float_modulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return rest == 0 ? std::copysign(0.0, b) : rest;
}

Value integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw Failure("0.0 cannot be raised to a negative power");
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  int64_t result = 1;
  while (true) {
    if (exponent & 1) {
      if (__builtin_mul_overflow(result, base, &result)) refuse_size();
    }
    exponent >>= 1;
    if (exponent == 0) return result;
    if (__builtin_mul_overflow(base, base, &base)) refuse_size();
  }
}

Value integer_arithmetic(BinaryOp op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case BinaryOp::add:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case BinaryOp::subtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case BinaryOp::multiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case BinaryOp::power:
      return integer_power(a, b);
    case BinaryOp::divide:
      if (b == 0) throw Failure("division by zero");
      return static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b));
    default:
      if (b == 0) {
        throw Failure(op == BinaryOp::modulo ? "integer modulo by zero" : "integer division or modulo by zero");
      }
      if (b == -1) return op == BinaryOp::modulo ? Value(int64_t{0}) : integer_arithmetic(BinaryOp::subtract, 0, a);
      const bool inexact_negative = a % b != 0 && (a < 0) != (b < 0);
      result = op == BinaryOp::modulo ? a % b + (inexact_negative ? b : 0) : a / b - (inexact_negative ? 1 : 0);
  }
  if (overflow) refuse_size();
  return result;
}

Value float_power(double a, double b) {
  if (a == 0 && b < 0) throw Failure("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b)) {
    throw Failure("a negative number to a fractional power is a complex number");
  }
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
    throw Failure("(34, 'Numerical result out of range')");
  return result;
}

Value float_arithmetic(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::add:
      return a + b;
    case BinaryOp::subtract:
      return a - b;
    case BinaryOp::multiply:
      return a * b;
    case BinaryOp::power:
      return float_power(a, b);
    case BinaryOp::divide:
      if (b == 0) throw Failure("float division by zero");
      return a / b;
    case BinaryOp::modulo:
      if (b == 0) throw Failure("float modulo");
      return float_modulo(a, b);
    default: {
      if (b == 0) throw Failure("float floor division by zero");
      const double quotient = (a - float_modulo(a, b)) / b;
      const double floored = std::floor(quotient);
      return quotient - floored > 0.5 ? floored + 1 : floored;
    }
  }
}

Value add_texts(const Value& left, const Value& right, Budget& budget) {
  const bool markup = left.is_markup() || right.is_markup();
  const auto part = [&](const Value& value) {
    return markup && !value.is_markup() ? escape_html(value.text()) : value.text();
  };
  budget.bytes(left.text().size() + right.text().size());
  return Value(part(left) + part(right), markup);
}

Value repeat(const Value& sequence, int64_t times, Budget& budget) {
  const size_t count = times < 0 ? 0 : static_cast<size_t>(times);
  if (sequence.is_text()) {
    budget.bytes(count, sequence.text().size());
    std::string out;
    out.reserve(count * sequence.text().size());
    for (size_t i = 0; i < (sequence.text().empty() ? 0 : count); ++i) out += sequence.text();
    return Value(std::move(out), sequence.is_markup());
  }
  const Values& items = *sequence.items();
  budget.bytes(count, items.size() * sizeof(Value));
  Values out;
  for (size_t i = 0; i < (items.empty() ? 0 : count); ++i) out.insert(out.end(), items.begin(), items.end());
  return sequence.as<List>() != nullptr ? Value::list(std::move(out)) : Value::tuple(std::move(out));
}

bool is_sequence(const Value& value) { return value.is_text() || value.items() != nullptr; }

std::optional<Value> sequence_arithmetic(BinaryOp op, const Value& left, const Value& right, Budget& budget) {
  if (op == BinaryOp::add && left.is_text() && right.is_text()) return add_texts(left, right, budget);
  if (op == BinaryOp::add && left.items() != nullptr && left.storage().index() == right.storage().index()) {
    budget.bytes(left.items()->size() + right.items()->size(), sizeof(Value));
    Values out = *left.items();
    out.insert(out.end(), right.items()->begin(), right.items()->end());
    return left.as<List>() != nullptr ? Value::list(std::move(out)) : Value::tuple(std::move(out));
  }
  if (op == BinaryOp::multiply && is_sequence(left) && right.integer()) return repeat(left, *right.integer(), budget);
  if (op == BinaryOp::multiply && is_sequence(right) && left.integer()) return repeat(right, *left.integer(), budget);
  return std::nullopt;
}

}  // namespace

Value binary(BinaryOp op, const Value& left, const Value& right, Budget& budget) {
  if (op == BinaryOp::modulo && left.is_text()) {
    return Value(percent_format(left.text(), right, budget), left.is_markup());
  }
  refuse_undefined(left);
  refuse_undefined(right);
  if (left.integer() && right.integer()) return integer_arithmetic(op, *left.integer(), *right.integer());
  if (left.number() && right.number()) return float_arithmetic(op, *left.number(), *right.number());
  if (auto result = sequence_arithmetic(op, left, right, budget)) return *std::move(result);
  if (op == BinaryOp::add && is_sequence(left)) {
    throw Failure(
        fmt::format("can only concatenate {} (not \"{}\") to {}", type_name(left), type_name(right), type_name(left)));
  }
  throw Failure(
      fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", symbol(op), type_name(left), type_name(right)));
}

Value negate(const Value& value) {
  refuse_undefined(value);
  if (const auto* real = value.as<double>()) return -*real;
  if (const auto number = value.integer()) return integer_arithmetic(BinaryOp::subtract, 0, *number);
  throw Failure(fmt::format("bad operand type for unary -: '{}'", type_name(value)));
}

Value positive(const Value& value) {
  refuse_undefined(value);
  if (value.as<double>() != nullptr) return value;
  if (const auto number = value.integer()) return *number;
  throw Failure(fmt::format("bad operand type for unary +: '{}'", type_name(value)));
}

}  // namespace lorica::jinja
